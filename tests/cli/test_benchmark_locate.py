"""``benchmark locate`` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio import warp

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.cli.root import _run
from tests.imaging.virtual import tiff, vrt
from tests.tiny_runs import SETTINGS, drawn_dataset, write_mosaic


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("located")
    data = drawn_dataset(folder, 12, 4, side=32, seed=1)
    return train(data, load_config("vsepp", SETTINGS), folder / "run")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mosaic of drawn scenes, 384 x 256 pixels."""
    return write_mosaic(tmp_path_factory.mktemp("scene") / "mosaic.png")


def test_json_files_and_metrics(
    run: Path, scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = {"jpg_name": "mosaic.png", "caption": "Two boats.", "points": []}
    entry["points"] = [[[0, 0], [128, 0], [128, 128], [0, 128]]]
    (tmp_path / "anno.json").write_text(json.dumps([entry]))
    targets = [tmp_path / name for name in ("heat.tif", "map.png", "windows.geojson")]
    call = ["benchmark", "locate", str(run), str(scene), "--text", "Two boats.", "-k", "3"]
    files = [part for target in targets for part in ("-o", str(target))]
    truth = ["--truth", str(tmp_path / "anno.json")]
    assert _run([*call, *files, *truth, "--json"], False) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert set(found) == {"scene", "text", "windows", "metrics", "map", "files"}
    assert found["map"] == str(tmp_path / "map.png")
    assert set(found["metrics"]) == {"rsu", "ras", "rda", "rmi"}
    assert 1 <= len(found["windows"]) <= 3
    assert all(target.stat().st_size for target in targets)
    assert "note: the scene has no CRS: all coordinates are its pixels" in shown.err
    assert _run([*call, *truth], False) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[0].startswith("  1 ")
    assert "Rsu " in text and "Rmi " in text


def test_a_scene_with_a_georeference_and_its_truth(
    run: Path, scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Windows in the CRS of the scene and in WGS84; the truth is in longitudes."""
    place = tmp_path / "place.tif"
    with Image.open(scene) as image:
        pixels = np.moveaxis(np.asarray(image), 2, 0)
    profile = {"driver": "GTiff", "width": 384, "height": 256, "count": 3, "dtype": "uint8"}
    transform = Affine(0.5, 0, 400_000, 0, -0.5, 5_000_000)
    with rasterio.open(place, "w", **profile, crs="EPSG:32633", transform=transform) as file:
        file.write(pixels)
    corners = [(0, 0), (128, 0), (128, 128), (0, 128), (0, 0)]
    eastings, northings = zip(*(transform @ corner for corner in corners), strict=True)
    longitudes, latitudes = warp.transform("EPSG:32633", "EPSG:4326", eastings, northings)
    ring = list(zip(longitudes, latitudes, strict=True))
    feature = {
        "type": "Feature",
        "properties": {"caption": "Two boats."},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    truth = tmp_path / "truth.geojson"
    truth.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    target = tmp_path / "windows.geojson"
    call = ["benchmark", "locate", str(run), str(place), "--text", "Two boats.", "--json"]
    drawn = {}
    for more in ([], ["--scene-crs"]):
        assert _run([*call, *more, "--truth", str(truth), "-o", str(target)], False) == 0
        shown = capsys.readouterr()
        assert "the scene has no CRS" not in shown.err
        measured = json.loads(shown.out)["metrics"]
        (window, *_) = json.loads(target.read_text())["features"]
        drawn[bool(more)] = window["geometry"]["coordinates"][0]
    assert all(400_000 <= x <= 400_192 for x, _ in drawn[True])
    again = warp.transform("EPSG:32633", "EPSG:4326", *zip(*drawn[True], strict=True))
    np.testing.assert_allclose(np.transpose(again), drawn[False], atol=1e-5)
    # The same place in pixels has the same metrics.
    entry = {"jpg_name": "place.tif", "caption": "Two boats.", "points": [corners[:4]]}
    (tmp_path / "anno.json").write_text(json.dumps([entry]))
    assert _run([*call, "--truth", str(tmp_path / "anno.json")], False) == 0
    assert measured == pytest.approx(json.loads(capsys.readouterr().out)["metrics"], abs=1e-3)


def test_files_of_a_sentence_of_ten_thousand_characters(
    run: Path, scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "boat " * 1999 + "boats"
    targets = [tmp_path / name for name in ("heat.tif", "map.png", "windows.geojson")]
    files = [part for target in targets for part in ("-o", str(target))]
    call = ["benchmark", "locate", str(run), str(scene), "--text", text, *files]
    assert _run(call, False) == 0
    assert "only the first 100 are used" in capsys.readouterr().err
    with rasterio.open(targets[0]) as heat:
        assert (heat.width, heat.height) == (384, 256)
    assert json.loads(targets[2].read_text())["features"]


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--text", " "], 2, "the query is empty"),
        (["--text", "a", "-o", "map.jpg"], 2, "map.jpg: unsupported file type"),
        (["--text", "a", "--scales", "1"], 2, "--scales 1: must be a list of sizes"),
        (["--text", "a", "--scales", "300"], 1, "smaller than a slice of 300 pixels"),
        (["--text", "a", "--truth", "none.json"], 1, "none.json: cannot be read"),
        (["--text", "a", "--scene-crs", "-o", "map.tif"], 2, "--scene-crs requires -o with"),
        ([], 2, "--text"),
    ],
)
def test_wrong_usage(
    run: Path,
    scene: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    code: int,
    message: str,
) -> None:
    assert _run(["benchmark", "locate", str(run), str(scene), *more], False) == code
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown


def test_the_sources_of_a_vrt_are_not_overwritten(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tiff(tmp_path / "north.tif", 7)
    before = source.read_bytes()
    scene = vrt(tmp_path / "scene.vrt", "north.tif")
    command = ["benchmark", "locate", str(run), str(scene), "--text", "a", "-o", str(source)]
    assert _run(command, False) == 1
    assert "is read, and would be overwritten" in capsys.readouterr().err
    assert source.read_bytes() == before


def test_a_run_and_a_scene_that_do_not_exist(
    run: Path, scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in ([str(tmp_path), str(scene)], [str(run), str(tmp_path / "no.tif")]):
        assert _run(["benchmark", "locate", *arguments, "--text", "a"], False) == 1
        assert capsys.readouterr().err.count("\n") == 1
