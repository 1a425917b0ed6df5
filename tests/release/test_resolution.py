"""The side of a pixel of a released image, from what a workspace records of its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rsitmd_tools.release.resolution import resolution_of
from rsitmd_tools.workspace.scenes import ImagePlace

SIZE = 64
# A degree is 71.7 km from west to east at this latitude, and 111.2 km from south to north.
LATITUDE = 50.0
SIDE = 1000 * (71.7 * 111.2) ** 0.5 * 0.001


def ring(west: float, width: float) -> list[list[float]]:
    south, north, east = LATITUDE, LATITUDE + 0.001, west + width
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def place(gsd: float | None, footprint: dict[str, Any] | None) -> ImagePlace:
    return ImagePlace(
        image_id=1, filename="port_1.tif", category="port", split="train", source="",
        source_size=(1000, 1000), window=(0, 0, SIZE, SIZE), footprint=footprint, gsd=gsd,
        group=None, scene=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("side", "gsd", "expected"),
    [
        (2 * SIZE, None, 4.0),  # the image has half of the pixels of the scene
        (SIZE, None, 2.0),
        (SIZE, 4.0, 4.0),  # the window has 128 pixels of the scene
        (SIZE // 2, 4.0, 2.0),
        (SIZE // 2, 8.0, 4.0),
    ],
)
def test_the_resolution_is_that_of_the_image(
    tmp_path: Path, side: int, gsd: float | None, expected: float
) -> None:
    pytest.importorskip("rasterio")
    from tests.ingest.scenes import values, write_scene
    from tests.ingest.tiling import into, places

    write_scene(tmp_path / "s" / "port" / "a.tif", values(256, 256))
    assert into(tmp_path / "w", tmp_path / "s", size=SIZE, side=side, gsd=gsd).added
    assert {resolution_of(place, SIZE) for place in places(tmp_path / "w")} == {expected}


def test_an_area_that_fits_no_recorded_distance_is_measured() -> None:
    whole = {"type": "Polygon", "coordinates": [ring(10, 0.001)]}
    halves = {"type": "MultiPolygon", "coordinates": [[ring(10, 0.0005)], [ring(11, 0.0005)]]}
    for footprint in (whole, halves):
        found = resolution_of(place(3.0, footprint), SIZE)
        assert found == pytest.approx(SIDE / SIZE, rel=0.01)
        near = found * 1.01
        assert resolution_of(place(near, footprint), SIZE) == near


def test_without_a_distance_or_a_footprint() -> None:
    assert resolution_of(place(None, None), SIZE) is None
    assert resolution_of(place(3.0, None), SIZE) == 3.0
