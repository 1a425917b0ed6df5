"""Compare what the files of a release state with its dataset and with one another.

Only for releases of this version of the tool: another version can write other files and numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.extras import require
from rsitmd_tools.formats import rsitmd
from rsitmd_tools.formats.image_list import IMAGE_LIST, MANIFEST, ListedImage
from rsitmd_tools.formats.source_places import STAC, read_source_places
from rsitmd_tools.quality.provenance import FOOTPRINTS, provenance_of
from rsitmd_tools.quality.split_numbers import SPLIT_PROOF, shared_captions, shared_scenes
from rsitmd_tools.quality.statistics import dataset_statistics, origins_of
from rsitmd_tools.release.card import CARD
from rsitmd_tools.release.changes import CHANGELOG
from rsitmd_tools.release.citation import CITATION
from rsitmd_tools.release.croissant import CROISSANT
from rsitmd_tools.release.split_page import SPLIT_PAGE
from rsitmd_tools.release.validation import VALIDATION

STATISTICS = "statistics.json"
# The files of every release that nothing else requires.
REQUIRED = (CARD, CHANGELOG, CITATION, CROISSANT, SPLIT_PROOF, SPLIT_PAGE, VALIDATION)
NEAR = 1e-5  # relative difference of a mean of float32 values and one of float64 values

Problem = tuple[str, str]  # a file, and what is wrong with it


@dataclass(frozen=True, slots=True)
class Read:
    """The contents of a release.

    Attributes:
        folder: The release.
        dataset: Its dataset.
        documents: The JSON documents that are valid, by file.
        listed: The lines of ``images.csv``.
        means: The means of its ``reference`` priors by split.
    """

    folder: Path
    dataset: Dataset
    documents: Mapping[str, dict[str, Any]]
    listed: Sequence[ListedImage]
    means: Mapping[str, float | None]


def contradictions(release: Read) -> Iterator[Problem]:
    """Yield the files that are missing, and those that contradict the dataset or another file."""
    yield from _missing(release)
    yield from _manifest(release)
    yield from _statistics(release)
    yield from _split_proof(release)
    yield from _footprints(release)


def _missing(release: Read) -> Iterator[Problem]:
    placed = "spatialCoverage" in release.documents.get(CROISSANT, {})
    for name in (*REQUIRED, *((FOOTPRINTS, STAC) if placed else ())):
        if not (release.folder / name).is_file():
            yield name, "does not exist"


def _manifest(release: Read) -> Iterator[Problem]:
    manifest, metadata = release.documents[MANIFEST], release.documents.get(CROISSANT)
    number, reasons = manifest["left_out"]["images"], manifest["left_out"]["reasons"]
    if number != len(reasons):
        yield MANIFEST, f"left_out.images is {number}; left_out.reasons lists {len(reasons)}"
    if manifest["origins"] != origins_of(release.dataset):
        yield MANIFEST, f"origins is not that of {rsitmd.FILENAME}"
    licences = manifest["licences"]
    named = {image.licence for image in release.listed} - {""}
    if named and named != set(licences["images"]):
        yield MANIFEST, f"licences.images is not that of {IMAGE_LIST}"
    if metadata is not None:
        every = {licences["texts"], *licences["images"]} - {""}
        if every != set(metadata.get("license", ())):
            yield MANIFEST, f"licences is not that of {CROISSANT}"
        if manifest["version"] != metadata.get("version"):
            yield MANIFEST, f"version is not that of {CROISSANT}"


def _without_similarity(statistics: Mapping[str, Any]) -> dict[str, Any]:
    counted = {key: value for key, value in statistics.items() if key != "averaged_images"}
    return counted | {"average_similarity": None}


def _statistics(release: Read) -> Iterator[Problem]:
    found = release.documents.get(STATISTICS)
    if found is None:
        return
    expected = dataset_statistics(release.dataset, similarity=False)
    splits = {name: _without_similarity(part) for name, part in found["splits"].items()}
    where = difference(_without_similarity(found) | {"splits": splits}, expected)
    if where is not None:
        yield STATISTICS, f"{where}: is not that of {rsitmd.FILENAME}"
        return
    means = {name: part["average_similarity"] for name, part in found["splits"].items()}
    for name, mean in release.means.items():
        if not _near(means[name], mean):
            yield STATISTICS, f"splits.{name}.average_similarity: is not that of prior/{name}.npy"
    if "test" in means and means["test"] != found["average_similarity"]:
        yield STATISTICS, "average_similarity: is not that of the split test"


def _near(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=NEAR)


def _split_proof(release: Read) -> Iterator[Problem]:
    """Compare the numbers that need neither pixels nor footprints; L110 compares the others."""
    proof = release.documents.get(SPLIT_PROOF)
    if proof is None:
        return
    parts = {split: release.dataset.select(split) for split in release.dataset.splits}
    entries = {tuple(entry["splits"]): entry for entry in proof["splits"]}
    if list(entries) != list(combinations(parts, 2)):
        yield SPLIT_PROOF, f"compares other splits than those of {rsitmd.FILENAME}"
        return
    scenes = {image.filename: image.source_sha256 for image in release.listed}
    home = {image.filename: image.split for image in release.dataset}
    for names, entry in entries.items():
        first, second = map(parts.__getitem__, names)
        numbers = {
            "shared_scenes": shared_scenes(first, second, scenes),
            "shared_captions": shared_captions(first, second),
        }
        where = " and ".join(names)
        for name, number in numbers.items():
            if entry[name] != number:
                yield SPLIT_PROOF, f"{where}: {name} is {entry[name]} instead of {number}"
        for pair in (*entry["nearest_images"], *entry["verified_pairs"]):
            if {home.get(image) for image in pair["images"]} != set(names):
                yield SPLIT_PROOF, f"{where}: {' and '.join(pair['images'])} are in other splits"


def _footprints(release: Read) -> Iterator[Problem]:
    """Compare the tables of footprints, if the extra geo is installed."""
    if not all((release.folder / name).is_file() for name in (FOOTPRINTS, STAC)):
        return
    try:
        require("geopandas", "pyarrow")
        sources = read_source_places(release.folder)
    except RsitmdError as error:
        if error.where is not None:
            yield STAC, error.what
        return
    from shapely import make_valid
    from shapely.geometry import shape

    places = provenance_of(release.dataset)
    if places.unchecked is not None:
        yield FOOTPRINTS, places.unchecked
        return
    items = {name: place.footprint for name, place in sources.items() if place.footprint}
    if items.keys() != places.footprints.keys():
        yield FOOTPRINTS, f"lists other images than {STAC}"
        return
    for name, footprint in items.items():
        if not make_valid(shape(footprint)).equals(places.footprints[name]):
            yield FOOTPRINTS, f"{name} lies elsewhere in {STAC}"


def difference(found: Any, expected: Any, key: str = "") -> str | None:
    """Return the key where two JSON documents first differ, or None if they are equal."""
    if found == expected and type(found) is type(expected):
        return None
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in [*expected, *found]:
            below = f"{key}.{name}" if key else str(name)
            if name not in found or name not in expected:
                return below
            if (where := difference(found[name], expected[name], below)) is not None:
                return where
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            if (where := difference(one, other, f"{key}[{number}]")) is not None:
                return where
    return key or "document"
