"""The page of an ingest: map, contact sheet, nothing from the network, nothing of the data runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from rsitmd_tools.report.ingest_page import maps
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.scenes import ImagePlace
from tests.command import rsitmd
from tests.ingest.scenes import CORNER, values, write_scene


@pytest.fixture
def page(tmp_path: Path) -> str:
    folder = tmp_path / "s"
    write_scene(folder / "north" / "a.tif", values(128, 128))
    write_scene(folder / "south" / "b.tif", values(64, 64), transform=CORNER.translation(9e5, 4e6))
    (folder / "south" / "<script>.tif").write_bytes(b"<b>")
    Workspace.create(tmp_path / "w", "</title><script>alert(1)</script>").close()
    photos = tmp_path / "p" / "photo"
    photos.mkdir(parents=True)
    Image.new("RGB", (40, 30), (9, 99, 9)).save(photos / "1.png")
    rsitmd("build", "ingest", tmp_path / "w", photos)
    target = tmp_path / "page.html"
    done = rsitmd("build", "ingest", tmp_path / "w", folder, "--tile", "64", "--html", target)
    assert done.returncode == 0, done.stderr
    return target.read_text(encoding="utf-8")


def test_the_page_shows_map_sheet_and_what_was_rejected(page: str) -> None:
    assert len(re.findall("<polygon", page)) == 5
    assert len(re.findall('<img src="data:image/jpeg;base64,', page)) == 6
    for name in ("north_1.tif", "north_4.tif", "south_1.tif"):
        assert f"<title>{name}</title>" in page
        assert f"<figcaption>{name}</figcaption>" in page
    assert "<figcaption>photo_1.tif</figcaption>" in page
    assert "This ingest: 5 added, 0 known, 1 rejected" in page
    assert "5 images with a footprint; ground sample distance" in page


def test_the_page_loads_nothing_and_runs_nothing(page: str) -> None:
    assert "<script" not in page and "http://" not in page and "https://" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page


def place(name: str, west: float, south: float) -> ImagePlace:
    ring = [[west, south], [west + 1e-3, south], [west, south + 1e-3], [west, south]]
    footprint = {"type": "Polygon", "coordinates": [ring]}
    return ImagePlace(1, name, "a", None, "/a", (9, 9), (0, 0, 9, 9), footprint, 1.0, None, None)


def test_far_areas_have_their_own_maps() -> None:
    near = [place(f"a_{n}.tif", 10 + n * 0.4, 50) for n in range(4)]
    found = maps([place("a_9.tif", -70, -20), *near], {"a": 3})
    assert [area.images for area in found] == [4, 1]
    assert found[0].bounds.startswith("10.0000° E to 11.2010° E, 50.0000° N")
    assert "70.0000° W" in found[1].bounds and "20.0000° S" in found[1].bounds
    for area in found:
        for shape in area.shapes:
            for point in shape.points.split():
                x, y = map(float, point.split(","))
                assert 0 <= x <= 900 and 0 <= y <= area.height <= 520.1


def test_no_footprint_gives_no_map() -> None:
    assert maps([], {}) == []
