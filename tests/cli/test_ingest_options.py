"""``build ingest``: what its options do, given as a user gives them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.workspace import Workspace
from tests.ingest.scenes import CORNER, values, write_scene
from tests.pictures import photo, save_noise

rasterio = pytest.importorskip("rasterio")

Ingest = Callable[..., dict[str, Any]]


@pytest.fixture
def ingest(tmp_path: Path) -> Ingest:
    """A function that runs the command and returns its JSON document."""
    Workspace.create(tmp_path / "w").close()

    def run(source: Path, *options: object) -> dict[str, Any]:
        words = ["build", "ingest", tmp_path / "w", source, *options, "--json"]
        done = CliRunner().invoke(root.cli, [*map(str, words)], standalone_mode=False)
        assert done.exception is None, done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return run


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with Workspace.open(folder) as workspace:
        return [tuple(row) for row in workspace.db.execute(query)]


def test_tiles_with_all_their_options(tmp_path: Path, ingest: Ingest) -> None:
    """A scene of 256 m at 2 m, resampled to 4 m: 64 pixels, a quarter of them without values."""
    data = values(128, 128)
    data[:, :64, :64] = 0
    write_scene(tmp_path / "s" / "city" / "a.tif", data, nodata=0)
    options = ("--tile", 32, "--stride", 16, "--gsd", 4, "--resize", 48)
    # Of 3 x 3 tiles, one has no value, two lie half in the empty quarter, one to a quarter.
    assert ingest(tmp_path / "s", *options)["added"] == 5
    assert ingest(tmp_path / "s", *options, "--min-valid", 0.7)["added"] == 1
    assert ingest(tmp_path / "s", *options, "--min-valid", 0.4)["added"] == 2
    found = rows(tmp_path / "w", "SELECT DISTINCT width, height, gsd FROM place")
    assert found == [(64.0, 64.0, 4.0)]
    with Image.open(tmp_path / "w" / "images" / "city_1.tif") as image:
        assert image.size == (48, 48)


def test_tiles_at_the_points_of_a_file(tmp_path: Path, ingest: Ingest) -> None:
    data = values(128, 128)
    write_scene(tmp_path / "s" / "a.tif", data, transform=CORNER)
    x, y = CORNER @ (50, 70)
    point = {"type": "Point", "coordinates": [x, y]}
    grid = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}},
        "features": [{"type": "Feature", "properties": {}, "geometry": point}],
    }
    (tmp_path / "grid.geojson").write_text(json.dumps(grid))
    more = ("--tile", 32, "--resize", 32, "--grid-of", tmp_path / "grid.geojson")
    assert ingest(tmp_path / "s", *more)["added"] == 1
    assert rows(tmp_path / "w", "SELECT col, row FROM place") == [(34.0, 54.0)]
    with Image.open(next((tmp_path / "w" / "images").iterdir())) as image:
        assert np.array_equal(np.asarray(image).transpose(2, 0, 1), data[:, 54:86, 34:66])


def test_a_vrt_reads_files_outside_of_its_folder_only_if_asked(
    tmp_path: Path, ingest: Ingest
) -> None:
    write_scene(tmp_path / "elsewhere" / "a.tif", values(64, 64))
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.vrt").write_text(
        '<VRTDataset rasterXSize="64" rasterYSize="64">'
        '<VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">../elsewhere/a.tif</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    refused = ingest(tmp_path / "s")
    assert (refused["added"], len(refused["rejected"])) == (0, 1)
    assert "use --outside" in str(refused["rejected"])
    assert ingest(tmp_path / "s", "--outside")["added"] == 1


def test_originals_are_kept_byte_for_byte(tmp_path: Path, ingest: Ingest) -> None:
    source = save_noise(tmp_path / "s" / "port" / "a.png", 1)
    ingest(tmp_path / "s", "--keep-originals")
    (kept,) = (file for file in (tmp_path / "w" / "originals").rglob("*") if file.is_file())
    assert kept.read_bytes() == source.read_bytes()


def test_categories_from_a_pattern(tmp_path: Path, ingest: Ingest) -> None:
    for number, name in enumerate(("port-a", "farm-b", "7")):
        save_noise(tmp_path / "s" / f"{name}.png", number)
    found = ingest(tmp_path / "s", "--category-pattern", "^(?P<category>[a-z]+)-")
    assert found["added"] == 2
    assert "7.png" in json.dumps(found)
    names = {path.name for path in (tmp_path / "w" / "images").iterdir()}
    assert names == {"port_1.tif", "farm_1.tif"}


def test_some_images_of_each_category(tmp_path: Path, ingest: Ingest) -> None:
    for number in range(12):
        save_noise(tmp_path / "s" / ("port", "farm")[number % 2] / f"{number}.png", number)
    ingest(tmp_path / "s", "--per-category", 2, "--seed", 3)
    names = sorted(path.name for path in (tmp_path / "w" / "images").iterdir())
    assert names == ["farm_1.tif", "farm_2.tif", "port_1.tif", "port_2.tif"]


@pytest.mark.parametrize(("option", "count"), [("--diverse", 2), ("--diverse-per-category", 4)])
def test_the_images_that_differ_most(
    tmp_path: Path, ingest: Ingest, option: str, count: int
) -> None:
    """In each category, one picture and five brighter copies of another one."""
    for number in range(12):
        home, place = ("port", "farm")[number % 2], number // 2
        picture = photo(number) if place == 0 else photo(90 + number % 2)
        picture.point([min(255, value + place) for value in range(256)] * 3).save(
            save_noise(tmp_path / "s" / home / f"{place}.png", number)
        )
    found = ingest(tmp_path / "s", option, 2)
    assert found["added"] == count
    if option == "--diverse-per-category":
        sources = [
            re.sub(r"\D", "", Path(s).stem)
            for (s,) in rows(tmp_path / "w", "SELECT source FROM image")
        ]
        assert sources.count("0") == 2


@pytest.mark.parametrize("more", [(), ("--tile", "32", "--resize", "32")])
def test_files_that_are_not_read_are_counted_by_kind(tmp_path: Path, more: tuple[str, ...]) -> None:
    Workspace.create(tmp_path / "w").close()
    save_noise(tmp_path / "s" / "port" / "a.png", 1)
    for name in ("notes.txt", "b.TXT", "README"):
        (tmp_path / "s" / "port" / name).write_text("")
    (tmp_path / "s" / "up.png").symlink_to(tmp_path / "w" / "rsitmd.toml")
    words = ["build", "ingest", str(tmp_path / "w"), str(tmp_path / "s"), *more]
    done = CliRunner().invoke(root.cli, words)
    assert "skipped: 4 files (2 .txt, 1 link, 1 no suffix)" in done.stdout


def test_an_ingest_without_a_usable_file_is_an_error(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w").close()
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.png").write_bytes(b"damaged")
    words = ["build", "ingest", str(tmp_path / "w"), str(tmp_path / "s"), "--category", "port"]
    done = CliRunner().invoke(root.cli, words)
    assert "error: no file could be used; correct the files that are listed" in done.stderr


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--category-pattern", "^(?P<category>[a-z]+)-"], "no file has a category; --category-pa"),
        (
            ["--tile", "32", "--min-valid", "1"],
            "no tile has enough valid pixels; lower --min-valid",
        ),
        (["--tile", "32", "--grid-of", "places.json"], "no given place has a tile; check the coor"),
    ],
)
def test_the_hint_fits_what_kept_the_files_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("places.json").write_text('{"type": "Point", "coordinates": [0, 0]}')
    Workspace.create(tmp_path / "w").close()
    pixels = values(32, 32)
    pixels[:, :4] = 0
    write_scene(tmp_path / "s" / "7.tif", pixels, nodata=0)
    done = CliRunner().invoke(root.cli, ["build", "ingest", "w", "s", "--resize", "32", *more])
    assert done.stderr.splitlines()[-1].startswith(f"error: {why}")


def test_many_kinds_of_files_are_one_short_line(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w").close()
    save_noise(tmp_path / "s" / "port" / "a.png", 1)
    for number in range(60):
        (tmp_path / "s" / "port" / f"{number}.s{number // 2 + 10}").write_text("")
    words = ["build", "ingest", str(tmp_path / "w"), str(tmp_path / "s")]
    done = CliRunner().invoke(root.cli, words)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("skipped: ")]
    named = "2 .s10, 2 .s11, 2 .s12, 2 .s13, 2 .s14"
    assert line == f"skipped: 60 files ({named}, 50 of other types)"


@pytest.mark.parametrize(
    ("option", "number"), [("--gsd", "nan"), ("--gsd", "inf"), ("--min-valid", "nan")]
)
def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, option: str, number: str) -> None:
    Workspace.create(tmp_path / "w").close()
    write_scene(tmp_path / "s" / "a.tif", values(64, 64))
    words = ["build", "ingest", tmp_path / "w", tmp_path / "s", "--tile", 32, option, number]
    done = CliRunner().invoke(root.cli, [*map(str, words)], standalone_mode=False)
    assert isinstance(done.exception, WrongUsage)
    assert f"{option} {number} is not a finite number" in str(done.exception)
