"""The pixels of tiles: values, resolution, and what is not valid."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rasterio.warp import transform_geom
from rasterio.windows import Window, bounds
from shapely.geometry import box, mapping, shape

from rsitmd_tools.imaging.options import BandOptions
from rsitmd_tools.ingest.windows import read_places
from tests.ingest.scenes import CORNER, UTM, values, write_scene
from tests.ingest.tiling import into, pixels, places, windows


@pytest.mark.parametrize("side", [60, 80, 130])
def test_tiles_of_any_size_have_their_own_pixels_and_footprint(tmp_path: Path, side: int) -> None:
    """From four times the image size, a tile is read at a lower resolution."""
    data = values(300, 300)
    path = write_scene(tmp_path / "s" / "city.tif", data)
    report = into(tmp_path / "w", path.parent, size=16, side=side)
    starts = [*range(0, 300 - side, side), 300 - side]
    expected = [(column, row, side, side) for row in starts for column in starts]
    assert report.added == len(expected)
    assert windows(tmp_path / "w") == expected
    for place, window in zip(places(tmp_path / "w"), expected, strict=True):
        ground = mapping(box(*bounds(Window(*window), CORNER)))
        ground = shape(transform_geom(UTM, "EPSG:4326", ground))
        assert shape(place.footprint).symmetric_difference(ground).area < 1e-3 * ground.area
        column, row = window[:2]
        part = Image.fromarray(data[:, row : row + side, column : column + side].transpose(1, 2, 0))
        small = np.asarray(part.resize((16, 16), Image.Resampling.LANCZOS)).astype(float)
        assert np.abs(pixels(tmp_path / "w", place.filename) - small).mean() < 6


@pytest.mark.parametrize("side", [64, 150])
def test_invalid_pixels_stay_out_of_a_resized_tile(tmp_path: Path, side: int) -> None:
    data = np.full((1, 150, 150), 200, "uint8")
    data[:, :, 20:31] = 0
    data[:, ::9, ::7] = 0
    path = write_scene(tmp_path / "s" / "city.tif", data, nodata=0)
    into(tmp_path / "w", path, size=32, side=side, min_valid=0.0)
    assert places(tmp_path / "w")
    for place in places(tmp_path / "w"):
        assert set(np.unique(pixels(tmp_path / "w", place.filename))) <= {0, 200}


def test_sixteen_bits_are_stretched_by_the_whole_scene(tmp_path: Path) -> None:
    data = values(128, 128, 4, "uint16")
    data[:, :, 64:] += 20_000
    path = write_scene(tmp_path / "s.tif", data)
    into(tmp_path / "w", path, bands=BandOptions(bands=(4, 3, 2)))
    colours = data[[3, 2, 1]].astype(np.float64)
    low, high = np.percentile(colours, (2, 98))
    expected = (np.clip((colours - low) / (high - low), 0, 1) * 255).transpose(1, 2, 0)
    for place in places(tmp_path / "w"):
        assert place.window is not None and place.scene is not None
        column, row = place.window[:2]
        part = expected[row : row + 64, column : column + 64]
        found = pixels(tmp_path / "w", place.filename).astype(np.float64)
        assert np.abs(found - part).max() <= 1
        assert '"bands": [4, 3, 2]' in place.scene.bands
        assert str(round(low)) in place.scene.bands


def test_tiles_with_few_valid_pixels_are_left_out_and_counted(tmp_path: Path) -> None:
    data = values(64, 256)
    data[:, :, 64:128] = 0  # not valid
    data[:, 13:, 128:192] = 0  # a fifth is valid
    data[:, 60:, 192:] = 0  # 94 %
    path = write_scene(tmp_path / "s.tif", data, nodata=0)
    report = into(tmp_path / "w", path)
    assert (report.added, report.left_out) == (2, 2)
    assert windows(tmp_path / "w") == [(0, 0, 64, 64), (192, 0, 64, 64)]
    again = into(tmp_path / "w", path, min_valid=0.2)
    assert (again.added, again.known, again.left_out) == (1, 2, 1)
    assert (pixels(tmp_path / "w", places(tmp_path / "w")[2].filename)[13:] == 0).all()


def test_one_resolution_for_all_scenes(tmp_path: Path) -> None:
    fine = write_scene(tmp_path / "s" / "fine.tif", values(256, 256))
    coarse = CORNER @ CORNER.scale(2)
    write_scene(tmp_path / "s" / "coarse.tif", values(128, 128), transform=coarse)
    into(tmp_path / "w", fine.parent, gsd=4.0)
    found = {place.scene.source: place for place in places(tmp_path / "w") if place.scene}
    assert found["fine.tif"].window is not None and found["fine.tif"].window[2] == 128
    assert found["coarse.tif"].window is not None and found["coarse.tif"].window[2] == 64
    assert [place.gsd for place in places(tmp_path / "w")] == [4.0] * 8
    one, other = (shape(found[name].footprint).area for name in ("fine.tif", "coarse.tif"))
    assert one == pytest.approx(other, rel=1e-3)


def test_a_reduced_tile_is_the_average_of_its_pixels(tmp_path: Path) -> None:
    data = values(512, 512).astype(np.uint8)
    path = write_scene(tmp_path / "s.tif", data)
    into(tmp_path / "w", path, size=16, side=512)
    means = data.reshape(3, 16, 32, 16, 32).mean(axis=(2, 4)).transpose(1, 2, 0)
    (place,) = places(tmp_path / "w")
    assert np.abs(pixels(tmp_path / "w", place.filename) - means).mean() < 3


def test_the_resolution_of_a_polygon_is_that_of_the_scene(tmp_path: Path) -> None:
    """--gsd applies to points: a polygon has the size that it has."""
    scene = write_scene(tmp_path / "s.tif", values(300, 300))
    square = box(400_100, 4_999_720, 400_260, 4_999_880)  # 80 x 80 pixels of 2 m
    shapes = [mapping(square), {"type": "Point", "coordinates": [400_300, 4_999_700]}]
    features = [
        {"type": "Feature", "properties": {}, "geometry": transform_geom(UTM, "EPSG:4326", each)}
        for each in shapes
    ]
    grid = tmp_path / "g.geojson"
    grid.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    into(tmp_path / "w", scene, side=50, gsd=4.0, places=read_places(grid))
    found = {place.window[2]: place.gsd for place in places(tmp_path / "w") if place.window}
    assert found.keys() >= {100} and found.pop(100) == 4.0
    (own,) = found.values()
    assert own == pytest.approx(2.0, rel=1e-3)
