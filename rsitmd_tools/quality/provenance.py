"""Scene and footprint of each image: the tables of a release, and those of a workspace."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, count_of, reason
from rsitmd_tools.extras import require
from rsitmd_tools.formats.image_list import IMAGE_LIST, MANIFEST, read_image_list
from rsitmd_tools.quality.split_numbers import SPLIT_PROOF, Footprints
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import stored_images
from rsitmd_tools.workspace.imported import file_checksums
from rsitmd_tools.workspace.scenes import image_places

FOOTPRINTS = "footprints.parquet"


@dataclass(frozen=True, slots=True)
class Provenance:
    """The places of the images of a release or a workspace.

    Attributes:
        scenes: SHA-256 of the source by file name, the same for tiles of one scene.
        footprints: Footprints by file name.
        unchecked: Why a table was not read, or None.
    """

    scenes: Mapping[str, str] = field(default_factory=dict)
    footprints: Footprints = field(default_factory=dict)
    unchecked: str | None = None


def release_folder(dataset: Dataset) -> Path | None:
    """Return the folder of a release; None for another dataset."""
    folder = dataset.source if dataset.source.is_dir() else dataset.source.parent
    is_release = dataset.format == "rsitmd" and any(
        (folder / name).is_file() for name in (MANIFEST, SPLIT_PROOF)
    )
    return folder if is_release else None


def provenance_of(dataset: Dataset) -> Provenance:
    """Return the scenes and footprints of a release or a workspace; empty for another dataset."""
    if dataset.format == "workspace":
        return _of_workspace(dataset.source)
    folder = release_folder(dataset)
    return Provenance() if folder is None else _of_release(folder)


def _of_workspace(folder: Path) -> Provenance:
    """Return the scenes and footprints that a release of the workspace lists."""
    with Workspace.open(folder) as workspace:
        scenes = file_checksums(workspace, stored_images(workspace))
        places = image_places(workspace)
    for place in places:
        if place.scene is not None and place.window is not None:
            scenes[place.filename] = place.scene.sha256
    known = {p.filename: p.footprint for p in places if p.footprint is not None}
    if not known:
        return Provenance(scenes)
    try:
        require("shapely")
    except RsitmdError as error:
        return Provenance(scenes, unchecked=f"footprints: {error.what}; {error.hint}")
    geometry: Any = importlib.import_module("shapely.geometry")
    return Provenance(scenes, {name: geometry.shape(ring) for name, ring in known.items()})


def _of_release(folder: Path) -> Provenance:
    try:
        scenes = _sources(folder / IMAGE_LIST)
    except RsitmdError as error:
        return Provenance(unchecked=f"{IMAGE_LIST} {error.what}; {error.hint}")
    if not (folder / FOOTPRINTS).is_file():
        return Provenance(scenes)
    try:
        require("geopandas", "pyarrow")
        geopandas: Any = importlib.import_module("geopandas")
        table = geopandas.read_parquet(folder / FOOTPRINTS)
        names = [str(name) for name in table["image"]]
        # Earlier versions listed tiles of one scene with different checksums in images.csv.
        scenes |= zip(names, map(str, table["source_sha256"]), strict=True)
        placed = table[~(table.geometry.isna() | table.geometry.is_empty)]
        missing = len(table) - len(placed)
        valid = zip(map(str, placed["image"]), placed.geometry.make_valid(), strict=True)
        why = f"{FOOTPRINTS} has {count_of(missing, 'image')} without a footprint"
        return Provenance(scenes, dict(valid), why if missing else None)
    except RsitmdError as error:
        return Provenance(
            scenes, unchecked=f"{FOOTPRINTS} was not read: {error.what}; {error.hint}"
        )
    except Exception as error:  # geopandas and pyarrow raise many types of errors
        return Provenance(scenes, unchecked=f"{FOOTPRINTS} cannot be read ({reason(error)})")


def _sources(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    return {image.filename: image.source_sha256 for image in read_image_list(file)}
