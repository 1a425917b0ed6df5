"""The data of a release, as a workspace holds them at one moment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.ingest.groups import places_current
from rsitmd_tools.release.images import Source
from rsitmd_tools.release.pairs import VerifiedPair, verified_pairs
from rsitmd_tools.release.select import (
    LeftOut,
    check_filenames,
    check_splits,
    finished_images,
)
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import removed_rows
from rsitmd_tools.workspace.empty import no_images
from rsitmd_tools.workspace.folds import stored_folds
from rsitmd_tools.workspace.images import (
    annotator_names,
    annotator_pseudonyms,
    authors_by_image,
    first_annotated,
    last_annotated,
    renamed_annotators,
    stored_images,
)
from rsitmd_tools.workspace.imported import file_checksums, records_without_file
from rsitmd_tools.workspace.licence import licence_state
from rsitmd_tools.workspace.merge import (
    count_not_accepted,
    merged_images,
    untouched_sentences,
)
from rsitmd_tools.workspace.scenes import ImagePlace, image_places
from rsitmd_tools.workspace.settings import ReleaseSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The data of a release, read from the workspace in one transaction.

    Attributes:
        dataset: The finished images with pseudonyms of the annotators.
        left_out: The other images.
        pixels: SHA-256 of the normalised pixels by file name.
        places: The places of the released images that have a footprint.
        hashes: Perceptual hashes of the eight orientations by file name.
        pairs: The verified pairs of images of the workspace.
        places_searched: Whether all images were searched for pairs of one place.
        folds: Test folds by file name, of the released images that have one.
        sources: Source of each image of the workspace by file name.
        licences: Licence of each released image by file name, empty without one.
        annotated_from: Time of the first annotation.
        annotated_until: Time of the newest annotation.
        licence: The licence of the texts and who has not accepted it; None without a licence.
        unreviewed: Number of sentences that no reviewer accepted.
        machine_untouched: Number of unchanged machine texts.
        removed: Number of images that a person removed from the dataset.
        blanks: Number of blank sentences of the released images, which are left out.
        sides: Side length of each released image in pixels of its source.
    """

    dataset: Dataset
    left_out: tuple[LeftOut, ...]
    pixels: dict[str, str]
    places: tuple[ImagePlace, ...]
    hashes: dict[str, str]
    pairs: tuple[VerifiedPair, ...]
    places_searched: bool
    folds: dict[str, int]
    sources: dict[str, Source]
    licences: dict[str, str]
    annotated_from: str | None
    annotated_until: str | None
    licence: dict[str, Any] | None
    unreviewed: int
    machine_untouched: int
    removed: int
    blanks: int
    sides: tuple[int, ...]


def contents_of(workspace: Workspace, *, names: bool = False) -> Contents:
    """Read the data of a release.

    Args:
        workspace: The workspace.
        names: Whether annotators appear by their names, except names that are e-mail addresses.
    """
    only_accepted = workspace.settings.release.only_accepted
    stored = stored_images(workspace)
    if not stored:
        raise no_images(workspace)
    images = merged_images(workspace, only_accepted=only_accepted)
    unreviewed = count_not_accepted(workspace)
    untouched = len(untouched_sentences(workspace))
    pseudonyms = annotator_pseudonyms(workspace)
    known = annotator_names(workspace)
    checksums = file_checksums(workspace, stored)
    places = image_places(workspace)
    began, until = first_annotated(workspace), last_annotated(workspace)
    removed = len(removed_rows(workspace.db))
    licence = licence_state(workspace)
    authors = authors_by_image(workspace)
    without_file = records_without_file(workspace)
    pairs = verified_pairs(workspace)
    places_searched = places_current(workspace)
    folds = stored_folds(workspace)
    finished, left_out = finished_images(
        images,
        workspace.settings.annotation.sentences_per_image,
        "accepted sentences" if only_accepted else "sentences",
    )
    left_out += [LeftOut(image.filename, "no image file") for image in without_file]
    check_splits(finished, workspace.path, only_accepted=only_accepted)
    check_filenames(finished, workspace.path)
    if names:
        pseudonyms |= _usable(known)
    dataset = Dataset(
        name=workspace.settings.dataset.name,
        images=tuple(renamed_annotators(finished, pseudonyms.__getitem__)),
        source=workspace.path,
        format="workspace",
        image_folder=workspace.images,
    )
    released = {image.filename for image in finished}
    licences = _licences(workspace.settings.release, places, released)
    return Contents(
        dataset=dataset,
        left_out=tuple(left_out),
        pixels={image.filename: image.pixel_sha256 for image in stored},
        places=tuple(p for p in places if p.footprint is not None and p.filename in released),
        hashes={image.filename: image.phash for image in stored},
        pairs=pairs,
        places_searched=places_searched,
        folds={name: fold for name, fold in folds.items() if name in released},
        sources=_sources(checksums, places, licences),
        licences=licences,
        annotated_from=began,
        annotated_until=until,
        licence=None if licence is None else _licence(licence, authors, finished, pseudonyms),
        # Sentences that the release excludes, or unreviewed sentences in the release.
        unreviewed=unreviewed.total()
        if only_accepted
        else sum(unreviewed[image.filename] for image in finished),
        machine_untouched=untouched,
        removed=removed,
        blanks=_sentences(i for i in images if i.filename in released) - _sentences(finished),
        sides=tuple(_side(place) for place in places if place.filename in released),
    )


def _side(place: ImagePlace) -> int:
    """Return the side of the square that became an image: that of a tile, or the central one."""
    return min(place.source_size if place.window is None else place.window[2:])


def _sentences(images: Iterable[ImageRecord]) -> int:
    return sum(len(image.sentences) for image in images)


def _usable(names: Mapping[str, str]) -> dict[str, str]:
    """Return the names that belong to one annotator only, and are no address or pseudonym."""
    count = Counter(names.values())
    return {
        email: name
        for email, name in names.items()
        if name.strip()
        and "@" not in name
        and count[name] == 1
        and not re.fullmatch(r"annotator-\d+", name.strip(), re.IGNORECASE)
    }


def _sources(
    checksums: Mapping[str, str], places: Iterable[ImagePlace], licences: Mapping[str, str]
) -> dict[str, Source]:
    """Return the source of each image. Tiles of one scene have the same name and checksum."""
    of = {place.filename: place for place in places}
    return {
        filename: _source(sha256, of[filename], licences.get(filename, ""))
        for filename, sha256 in checksums.items()
    }


def _source(sha256: str, place: ImagePlace, licence: str) -> Source:
    if place.scene is None or place.window is None:
        return Source(Path(place.source).name, sha256, "", licence)
    # The file of an image of an imported release is not its source.
    name = Path(place.scene.source).name
    return Source(name, place.scene.sha256, " ".join(map(str, place.window)), licence)


def _licences(
    settings: ReleaseSettings, places: Iterable[ImagePlace], released: Set[str]
) -> dict[str, str]:
    """Return the licence of each released image by its source."""
    return {
        place.filename: settings.licence_of(place.source)
        for place in places
        if place.filename in released
    }


def _licence(
    state: dict[str, Any],
    authors: Set[tuple[str, str]],
    images: Sequence[ImageRecord],
    pseudonyms: dict[str, str],
) -> dict[str, Any]:
    """Return the licence of the annotators, and the authors who have not accepted it."""
    released = {image.filename for image in images}
    wrote = {email for filename, email in authors if filename in released}
    return {
        "name": state["name"],
        "text_sha256": state["sha256"],
        "not_accepted": sorted(pseudonyms[email] for email in wrote & set(state["missing"])),
    }
