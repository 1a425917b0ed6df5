"""The files: where the pixels and windows lie on the ground, and what the picture shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

from rsitmd_tools.baselines.localisation.heat_map import HeatMap
from rsitmd_tools.baselines.localisation.locate import Location, Scene, SceneOptions
from rsitmd_tools.baselines.localisation.map_files import check_targets, coloured, write_maps
from rsitmd_tools.baselines.localisation.slices import Slice
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.imaging.raster import open_raster
from rsitmd_tools.ingest.footprints import Georeference, georeference
from rsitmd_tools.ingest.windows import read_places
from tests.baselines.localisation.conftest import TRANSFORM

WINDOW = Slice(100, 40, 64)


def result(path: Path, step: int = 1) -> Location:
    """Return a result with one window; the left half of the map is 1, the last row has no data."""
    with open_raster(path) as raster:
        placed, width, height = georeference(raster), raster.width, raster.height
    values = np.zeros((height // step, width // step), np.float32)
    values[:, : values.shape[1] // 2] = 1
    covered = np.ones(values.shape, np.bool_)
    covered[-1] = False
    scene = Scene(
        path, width, height, SceneOptions(), placed, [WINDOW], np.zeros((1, 4), np.float32),
        "a" * 64, "b" * 64,
    )  # fmt: skip
    return Location(scene, "a lake", HeatMap(values, covered, step), [WINDOW], [0.5])


@pytest.mark.parametrize("step", [1, 4])
def test_the_heat_map_lies_on_the_scene(scene: Path, tmp_path: Path, step: int) -> None:
    assert write_maps(result(scene, step), [tmp_path / "heat.tif"]) == []
    with rasterio.open(tmp_path / "heat.tif") as file:
        assert file.crs.to_epsg() == 32633
        assert file.transform == TRANSFORM @ Affine.scale(step)
        values = file.read(1)
        assert file.read_masks(1)[-1].max() == 0
        assert file.tags()["text"] == "a lake"
        assert file.tags()["scene_sha256"] == "a" * 64
    assert values.shape == (200 // step, 300 // step)
    assert values[0, 0] == 1
    assert values[0, -1] == 0
    assert np.isnan(values[-1]).all()


def test_windows_in_wgs84_and_in_the_crs_of_the_scene(scene: Path, tmp_path: Path) -> None:
    found = result(scene)
    write_maps(found, [tmp_path / "w.geojson"])
    write_maps(found, [tmp_path / "s.geojson"], scene_crs=True)
    assert "crs" not in json.loads((tmp_path / "w.geojson").read_text())
    x, y, size = WINDOW.x, WINDOW.y, WINDOW.size
    expected = {(x, y), (x, y + size), (x + size, y + size), (x + size, y)}
    for name in ("w.geojson", "s.geojson"):
        places = read_places(tmp_path / name)
        assert found.scene.placed is not None
        pixels = found.scene.placed.pixels(places.points[0], places.crs)
        assert pixels is not None
        assert {(round(a), round(b)) for a, b in pixels.tolist()} == expected
    east, north = json.loads((tmp_path / "s.geojson").read_text())["features"][0]["geometry"][
        "coordinates"
    ][0][0]
    assert (east, north) == (400_000 + 0.5 * x, 5_000_000 - 0.5 * y)


def test_a_scene_without_crs_gives_pixels(make_scene: Callable[..., Path], tmp_path: Path) -> None:
    found = result(make_scene(crs=None, transform=None))
    assert write_maps(found, [tmp_path / "w.geojson", tmp_path / "h.tif"], scene_crs=True) == []
    feature = json.loads((tmp_path / "w.geojson").read_text())["features"][0]
    assert feature["geometry"]["coordinates"][0][0] == [100, 40]
    assert feature["properties"] == {"rank": 1, "score": 0.5, "x": 100, "y": 40, "size": 64}
    with rasterio.open(tmp_path / "h.tif") as file:
        assert file.crs is None


def test_windows_without_a_place_in_wgs84_are_counted(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Georeference, "footprints", lambda _, windows: [None for _ in windows])
    [note] = write_maps(result(scene), [tmp_path / "w.geojson"])
    assert note.startswith("w.geojson: 1 window without a place in WGS84; use --scene-crs")


def test_the_picture_shows_the_map_and_the_windows(scene: Path, tmp_path: Path) -> None:
    write_maps(result(scene), [tmp_path / "map.png"])
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.size == (300, 200)
        assert picture.text["text"] == "a lake"  # type: ignore[attr-defined]
        pixels = np.asarray(picture).astype(int)
    # The upper edge of the window is a white line, and its number stands in it.
    assert (pixels[39:42, 140:160] == 255).all(axis=2).any()
    assert pixels[:, :90].mean() > pixels[:, 200:].mean() + 50


def test_the_picture_has_no_colours_on_pixels_without_data(
    make_scene: Callable[..., Path], tmp_path: Path
) -> None:
    """A slice at the edge of the data is used as a whole."""
    path = make_scene(hidden=(slice(0, 90), slice(0, 60)))
    found = result(path)
    found.heat.covered[:] = True
    write_maps(found, [tmp_path / "map.png"])
    with Image.open(tmp_path / "map.png") as picture:
        pixels = np.asarray(picture)
    assert not pixels[:60, :90].any()
    assert pixels[:30, 90:].any(axis=2).all()


def test_colours_leave_places_without_data_as_they_are() -> None:
    pixels = np.full((4, 4, 3), 100, np.uint8)
    values = np.ones((4, 4), np.float32)
    covered = np.zeros((4, 4), np.bool_)
    covered[:2] = True
    found = coloured(pixels, values, covered)
    assert found[0, 0].tolist() == [176, 178, 132]
    assert (found[2:] == 100).all()


@pytest.mark.parametrize("x", [116, 118, 121, 124, 127])
def test_a_part_of_a_coarse_map_is_drawn_at_its_place(x: int) -> None:
    values = np.tile(np.arange(32) >= 16, (32, 1)).astype(np.float32)
    heat = HeatMap(values, values > 0, step=8)  # bright and with data from column 128 of the scene
    pixels = np.full((160, 160, 3), 100, np.uint8)
    found = coloured(pixels, heat.values, heat.covered, heat.part(x, 120, 16, 16))
    changed = (found != 100).any(axis=(0, 2))
    assert not changed[: (128 - x) * 10].any()
    assert changed[(128 - x) * 10 :].all()


def test_other_suffixes_and_folders(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match=r"map.jpg: unsupported file type"):
        check_targets([tmp_path / "map.png", tmp_path / "map.jpg"])
    scene = tmp_path / "scene.tif"
    scene.write_bytes(b"")
    (tmp_path / "link.tif").symlink_to(scene)
    for target in (scene, tmp_path / "x" / ".." / "scene.tif", tmp_path / "link.tif"):
        with pytest.raises(RsitmdError, match="is read, and would be overwritten"):
            check_targets([tmp_path / "map.png", target], [scene])
    (tmp_path / "file").write_text("")
    with pytest.raises(RsitmdError, match="cannot be written"):
        check_targets([tmp_path / "file" / "map.png"])
