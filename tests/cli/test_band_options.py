"""``build ingest`` with bands and values of rasters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.workspace import Workspace

rasterio = pytest.importorskip("rasterio")
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

SIDE = 256


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fields").mkdir()
    values = np.zeros((4, SIDE, SIDE), np.uint16)
    for band in range(4):
        values[band] = 1000 * (band + 1)
    with rasterio.open(
        tmp_path / "fields" / "a.tif",
        "w",
        driver="GTiff",
        count=4,
        width=SIDE,
        height=SIDE,
        dtype="uint16",
    ) as target:
        target.write(values)
    Workspace.create(tmp_path / "w").close()
    return tmp_path


def run(folder: Path, *options: str) -> Result:
    command = ["build", "ingest", str(folder / "w"), str(folder / "fields"), *options]
    return CliRunner().invoke(root.cli, command, standalone_mode=False)


def test_bands_and_range(folder: Path) -> None:
    done = run(folder, "--bands", "4,3,2", "--range", "0,10000", "--json")
    assert json.loads(done.stdout)["added"] == 1
    with Image.open(folder / "w" / "images" / "fields_1.tif") as image:
        assert image.getpixel((9, 9)) == (102, 76, 51)
    with Workspace.open(folder / "w") as workspace:
        row = workspace.db.execute("SELECT bands, low, high FROM image_reading").fetchone()
    assert tuple(row) == ("[4, 3, 2]", 0.0, 10_000.0)
    again = run(folder, "--bands", "1", "--range", "0,10000")
    assert "was read with other bands or values, and is unchanged" in again.stderr


def test_another_reading_of_a_known_file_is_noted(folder: Path) -> None:
    note = "was read with other bands or values, and is unchanged"
    Image.new("RGB", (SIDE, SIDE), (9, 99, 199)).save(folder / "fields" / "b.png")
    assert note not in run(folder, "--percentiles", "5,95").stderr
    for options, notes in (
        (["--percentiles", "5,95"], 0),
        ([], 1),
        (["--bands", "1,2,3", "--percentiles", "5,95"], 0),
        (["--bands", "3,2,1", "--percentiles", "5,95"], 2),
    ):
        assert run(folder, *options).stderr.count(note) == notes, options


def test_a_note_of_pages_is_printed(folder: Path) -> None:
    page: Any = Image.new("RGB", (SIDE, SIDE))
    page.save(folder / "fields" / "b.tif", save_all=True, append_images=[page])
    done = run(folder)
    assert "b.tif: only the first of its 2 pages was read" in done.stderr
    tiled = run(folder, "--tile", str(SIDE))
    assert "note: " + str(folder / "fields" / "b.tif: only the first of its 2") in tiled.stderr
    document = json.loads(run(folder, "--tile", str(SIDE), "--json").stdout)
    (note,) = document["notes"]
    assert note == [str(folder / "fields" / "b.tif"), "only the first of its 2 pages was read"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--bands", "4,3"), "--bands 4,3: must be one or three numbers of bands, from 1"),
        (("--range", "9,1"), "--range 9,1: the first number must be lower than the second"),
        (("--percentiles", "2,101"), "--percentiles 2,101: must be between 0 and 100"),
        (("--range", "0,1", "--percentiles", "2,98"), "cannot be combined"),
    ],
)
def test_wrong_values_are_wrong_usage(folder: Path, options: tuple[str, ...], why: str) -> None:
    done = run(folder, *options)
    assert why in str(done.exception)
    assert getattr(done.exception, "exit_code", 0) == 2


def test_a_missing_band_is_a_reason(folder: Path) -> None:
    done = run(folder, "--bands", "5")
    assert "has 4 bands, --bands names band 5" in done.stderr
