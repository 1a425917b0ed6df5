"""What the metadata of a release say: collected once, for citation, card and Croissant."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.dataset.records import SPLITS, Dataset
from rsitmd_tools.errors import count_of
from rsitmd_tools.quality.statistics import origins_of
from rsitmd_tools.release.resolution import resolution_of
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.scenes import ImagePlace

UNKNOWN_AUTHORS = "The authors of"
PSEUDONYM = re.compile(r"annotator-[0-9]+")


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """The facts about a release.

    Attributes:
        title: Title of the dataset.
        version: Version of the release.
        authors: "Family name, Given name" of people, or names of organisations.
        url: Web page, or empty.
        doi: DOI, or empty.
        text_licence: Licence of the texts, or empty.
        image_licence: Licence of the images, or empty; if there are several, each with its
            number of images.
        images: Number of images by split.
        sentences: Number of sentences.
        keywords: Number of keywords.
        categories: Number of images by category.
        annotators: Number of annotators.
        sentences_per_image: Number of sentences of each image, such as ``5`` or ``4 to 6``.
        image_size: Side length of the images in pixels.
        machine_given: Number of sentences whose annotator saw a machine text.
        imported: Whether sentences come from another dataset.
        with_images: Whether the release contains the image files.
        with_prior: Whether the release contains the prior of each split.
        crossing: Number of pairs of images of one picture or place in different splits.
        box: ``(west, south, east, north)`` of the footprints in degrees, or None. Across 180
            degrees, west is larger than east, as in GeoJSON.
        resolution: Side of a pixel of the images in metres, if all placed images have the same.
        period: First and last acquisition, ``YYYY-MM-DD/YYYY-MM-DD``, or empty.
        named: Whether an annotator appears by name.
        image_licences: The licences of the images.
        places_searched: Whether all images were searched for pairs of one place.
    """

    title: str
    version: str
    authors: tuple[str, ...]
    url: str
    doi: str
    text_licence: str
    image_licence: str
    images: dict[str, int]
    sentences: int
    keywords: int
    categories: dict[str, int]
    annotators: int
    sentences_per_image: str
    image_size: int
    machine_given: int
    imported: bool
    with_images: bool
    with_prior: bool
    crossing: int
    box: tuple[float, float, float, float] | None
    resolution: float | None
    period: str
    named: bool = False
    image_licences: tuple[str, ...] = ()
    places_searched: bool = True

    @property
    def authors_known(self) -> bool:
        """Whether the settings name the authors."""
        return not self.authors[0].startswith(UNKNOWN_AUTHORS)

    @property
    def counted(self) -> str:
        """The numbers of images, sentences and, if there are any, keywords."""
        numbers = [(sum(self.images.values()), "image"), (self.sentences, "sentence")]
        numbers += [(self.keywords, "keyword")] if self.keywords else []
        return ", ".join(count_of(number, what) for number, what in numbers)

    @property
    def description(self) -> str:
        """A description in one sentence."""
        number = len(self.categories)
        # One category says nothing: it can be the name of a dataset that has none.
        categories = f" of {number} categories" if number > 1 else ""
        keywords = f" and {count_of(self.keywords, 'keyword')}" if self.keywords else ""
        return (
            f"{count_of(sum(self.images.values()), 'remote sensing image')}"
            f"{categories} with {count_of(self.sentences, 'sentence')}{keywords}."
        )

    @property
    def preprocessing(self) -> str:
        """How the images were made from their sources, without a full stop."""
        return (
            "Each image is a square of its source file (the centre, or a tile), resized to"
            f" {self.image_size} x {self.image_size} pixels"
        )

    @property
    def cite_as(self) -> str:
        """The citation as one line of text."""
        where = f" https://doi.org/{self.doi}" if self.doi else f" {self.url}" if self.url else ""
        return f"{'; '.join(self.authors)}: {self.title}, version {self.version}.{where}"


def facts_of(
    workspace: Workspace,
    dataset: Dataset,
    version: str,
    places: Sequence[ImagePlace],
    licences: Mapping[str, str],
    *,
    with_images: bool,
    with_prior: bool,
    crossing: int,
    places_searched: bool,
) -> ReleaseFacts:
    """Collect the facts about a release.

    Args:
        workspace: The workspace, for its settings.
        dataset: The released images.
        version: Version of the release.
        places: The places of the released images.
        licences: Licence of each image by file name, empty without one.
        with_images: Whether the release contains the image files.
        with_prior: Whether the release contains the prior of each split.
        crossing: Number of pairs of images of one picture or place in different splits.
        places_searched: Whether all images were searched for pairs of one place.
    """
    settings = workspace.settings
    release, name = settings.release, settings.dataset.name
    split = Counter(image.split for image in dataset)
    sentences = [sentence for image in dataset for sentence in image.sentences]
    annotators = {s.annotator for s in sentences if s.annotator is not None}
    count = Counter(licences.values())
    size = settings.dataset.image_size
    resolutions = {resolution_of(place, size) for place in places} - {None}
    return ReleaseFacts(
        title=release.title or name,
        version=version,
        authors=release.authors or (f"{UNKNOWN_AUTHORS} {name}",),
        url=release.url,
        doi=release.doi,
        text_licence=settings.text_licence,
        image_licence=_named(count),
        images={part: split[part] for part in SPLITS},
        sentences=len(sentences),
        keywords=sum(len(image.keywords) for image in dataset),
        categories=dict(sorted(Counter(image.category or "" for image in dataset).items())),
        annotators=len(annotators),
        sentences_per_image=_range({len(image.sentences) for image in dataset}),
        image_size=size,
        machine_given=origins_of(dataset)["machine_given"],
        imported=any(sentence.annotator is None for sentence in sentences),
        with_images=with_images,
        with_prior=with_prior,
        crossing=crossing,
        box=_box(places),
        resolution=resolutions.pop() if len(resolutions) == 1 else None,
        period=_period(places),
        named=not all(map(PSEUDONYM.fullmatch, annotators)),
        places_searched=places_searched,
        image_licences=tuple(sorted(count.keys() - {""})),
    )


def _named(count: Counter[str]) -> str:
    """Return the licence of the images, or each licence with its number of images."""
    if len(count) < 2:
        return next(iter(count), "")
    return ", ".join(
        f"{licence or 'unknown'} ({count_of(number, 'image')})"
        for licence, number in sorted(count.items())
    )


def _range(counts: Set[int]) -> str:
    least, most = min(counts), max(counts)
    return str(least) if least == most else f"{least} to {most}"


def _box(places: Sequence[ImagePlace]) -> tuple[float, float, float, float] | None:
    """Return the extent of the footprints in degrees; None without one."""
    parts = [part for place in places for part in _parts(place.footprint)]
    if not parts:
        return None
    west, south = min(part[0] for part in parts), min(part[1] for part in parts)
    east, north = max(part[2] for part in parts), max(part[3] for part in parts)
    # Footprints are cut at 180 degrees. Those on both sides of it are together if they lie in one
    # half of the earth.
    beyond = [part for part in parts if part[2] <= 0]
    before = [part for part in parts if part[2] > 0]
    if beyond and before:
        first, last = min(part[0] for part in before), max(part[2] for part in beyond)
        if last + 360 - first < 180:
            west, east = first, last
    return west, south, east, north


def _parts(footprint: dict[str, Any] | None) -> list[tuple[float, float, float, float]]:
    """Return ``(west, south, east, north)`` of each polygon of a footprint."""
    if footprint is None:
        return []
    polygons = footprint["coordinates"]
    rings = [polygons[0]] if footprint["type"] == "Polygon" else [part[0] for part in polygons]
    found = []
    for ring in rings:
        longitudes, latitudes = zip(*ring, strict=True)
        found.append((min(longitudes), min(latitudes), max(longitudes), max(latitudes)))
    return found


def _period(places: Sequence[ImagePlace]) -> str:
    days = sorted(
        place.scene.acquired[:10] for place in places if place.scene and place.scene.acquired
    )
    return f"{days[0]}/{days[-1]}" if days else ""
