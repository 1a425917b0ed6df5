"""What the metadata of a release say about the places of its images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from shapely.geometry import MultiPolygon, Polygon, box, mapping

from rsitmd_tools.release.contents import contents_of
from rsitmd_tools.release.facts import ReleaseFacts, facts_of
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.scenes import ImagePlace
from tests.release.conftest import MakeWorkspace

IMAGE_SIZE = 256
Bounds = tuple[float, float, float, float]


def place(bounds: Bounds, side: int = IMAGE_SIZE, gsd: float | None = 1.0) -> ImagePlace:
    """Return the place of a tile, cut at 180 degrees if it ends east of it."""
    west, south, east, north = bounds
    shape: Polygon | MultiPolygon = box(*bounds)
    if east > 180:
        shape = MultiPolygon([box(west, south, 180, north), box(-180, south, east - 360, north)])
    return ImagePlace(
        image_id=1, filename="port_1.tif", category="port", split="train", source="",
        source_size=(1000, 1000), window=(0, 0, side, side),
        footprint=mapping(shape), gsd=gsd, group=None, scene=None,
    )  # fmt: skip


@pytest.fixture
def workspace(make_workspace: MakeWorkspace) -> Path:
    return make_workspace()


def facts(folder: Path, *places: ImagePlace) -> ReleaseFacts:
    with Workspace.open(folder) as workspace:
        dataset = contents_of(workspace).dataset
        return facts_of(
            workspace, dataset, "1.0.0", places, {}, with_images=True, with_prior=True,
            crossing=0, places_searched=True,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("footprints", "expected"),
    [
        ([], None),
        ([(8, 50, 9, 51), (-3, 49, -2, 50)], (-3, 49, 9, 51)),
        ([(179.5, -18, 180.5, -17)], (179.5, -18, -179.5, -17)),
        ([(179, -18, 179.5, -17), (-179.5, -20, -179, -19)], (179, -20, -179, -17)),
        ([(2, 48, 3, 49), (139, 35, 140, 36), (-118, 34, -117, 35)], (-118, 34, 140, 49)),
        ([(-180, -90, 180, 90)], (-180, -90, 180, 90)),
        ([(-120, 34, -119, 35), (-80, 25, -79, 26)], (-120, 25, -79, 35)),
    ],
)
def test_the_extent_of_the_footprints(
    workspace: Path, footprints: list[Bounds], expected: Bounds | None
) -> None:
    assert facts(workspace, *map(place, footprints)).box == expected


def test_the_resolution_is_that_of_the_images_not_of_their_sources(workspace: Path) -> None:
    here = (8.0, 50.0, 9.0, 51.0)
    resized = replace(place(here, 2 * IMAGE_SIZE, 2.0), footprint=None)
    same, other = (replace(place(here, gsd=gsd), footprint=None) for gsd in (4.0, 2.0))
    assert facts(workspace, resized, same).resolution == 4.0
    assert facts(workspace, resized, other).resolution is None
    assert facts(workspace, resized, place(here, gsd=None)).resolution == 4.0
