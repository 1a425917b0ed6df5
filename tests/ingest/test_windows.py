"""Where tiles lie: grids, edges, and places of a GeoJSON file."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.transform import AffineTransformer

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.ingest.footprints import Georeference, georeference
from rsitmd_tools.ingest.windows import (
    Places,
    _points,
    grid,
    place_windows,
    read_places,
    starts,
)
from tests.ingest.scenes import CORNER, UTM, values, write_scene


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 400))
def test_tiles_never_reach_over_an_axis_and_cover_it_without_gaps(
    length: int, side: int, stride: int
) -> None:
    found = starts(length, side, stride)
    if side > length:
        assert found == []
        return
    assert found == sorted(set(found))
    assert found[0] == 0 and found[-1] + side <= length
    steps = [after - before for before, after in pairwise(found)]
    if stride > side:
        assert all(step == stride for step in steps) and found[-1] + stride + side > length
        return
    assert found[-1] + side == length
    assert all(step == stride for step in steps[:-1]) and all(0 < s <= stride for s in steps)


def test_an_edge_is_reached_by_a_shift() -> None:
    assert list(grid(10, 4, 4, 4)) == [[(0, 0, 4, 4), (4, 0, 4, 4), (6, 0, 4, 4)]]


def write(path: Path, *geometries: dict[str, Any], crs: str | None = None) -> Path:
    document: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {}, "geometry": geometry} for geometry in geometries
        ],
    }
    if crs:
        document["crs"] = {"type": "name", "properties": {"name": crs}}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.fixture
def scene(tmp_path: Path) -> Georeference:
    with rasterio.open(write_scene(tmp_path / "a.tif", values(200, 300))) as raster:
        found = georeference(raster)
    assert found is not None
    return found


def point(column: float, row: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": list(CORNER @ (column, row))}


def test_points_are_the_centres_of_tiles(tmp_path: Path, scene: Georeference) -> None:
    given = (point(150, 100), point(5, 5), point(299, 199), point(400, 100), point(150, 100))
    places = read_places(write(tmp_path / "p.geojson", *given, crs="urn:ogc:def:crs:EPSG::32633"))
    found, taken = place_windows(places, scene, 300, 200, 64)
    assert found == [(0, 0, 64, 64), (118, 68, 64, 64), (236, 136, 64, 64)]
    assert taken == {0, 1, 2, 4}
    assert place_windows(places, scene, 300, 200, None) == ([], frozenset())
    assert place_windows(places, scene, 300, 200, 201) == ([], frozenset())


@pytest.mark.parametrize(("west", "step"), [(0.0, 0.5), (-180.0, 0.0833333333333333)])
def test_footprints_at_the_edges_of_a_map_of_the_earth_are_places(west: float, step: float) -> None:
    width = round(360 / step)
    height, side = width // 2, width // 4
    transform = Affine(step, 0, west, 0, -step, 90)
    placed = Georeference(
        CRS.from_epsg(4326), AffineTransformer(transform), tuple(transform[:6]), (width, height)
    )
    windows = [window for row in grid(width, height, side, side) for window in row]
    shapes = [footprint for footprint in placed.footprints(windows) if footprint]
    places = Places(CRS.from_epsg(4326), tuple(_points(footprint) for footprint in shapes))
    found, taken = place_windows(places, placed, width, height, None)
    assert found == windows
    assert len(taken) == len(windows) == 8


@given(st.integers(0, 236), st.integers(0, 136), st.integers(16, 64))
def test_a_footprint_is_the_place_of_its_own_window(column: int, row: int, side: int) -> None:
    placed = Georeference(
        CRS.from_string(UTM), AffineTransformer(CORNER), tuple(CORNER[:6]), (300, 200)
    )
    window = (column, row, side, side)
    (footprint,) = placed.footprints([window])
    assert footprint is not None
    places = Places(CRS.from_epsg(4326), (_points(footprint),))
    assert place_windows(places, placed, 300, 200, None) == ([window], frozenset({0}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON"),
        ("[1", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not GeoJSON"),
        ('{"type": "Point"}', "is not GeoJSON"),
        ('{"type": "Point", "coordinates": [1, "a"]}', "is not GeoJSON"),
        ('{"type": "Point", "coordinates": [NaN, 1]}', "is not GeoJSON"),
        ('{"type": "Point", "coordinates": [1' + "0" * 400 + ", 1]}", "is not GeoJSON"),
        ('{"type": "LineString", "coordinates": [[1, 2], [3, 4]]}', "is not GeoJSON"),
        ('{"type": "Polygon", "coordinates": []}', "is not GeoJSON"),
        ('{"type": "FeatureCollection", "features": []}', "has no places"),
        ('{"type": "Point", "coordinates": [1, 2], "crs": {"properties": {}}}', "unknown CRS"),
        (
            '{"type": "Point", "coordinates": [1, 2], "crs": {"properties": {"name": "x"}}}',
            "unknown CRS",
        ),
    ],
)
def test_bad_files_of_places_are_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "p.geojson"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RsitmdError, match=said):
        read_places(path)


def test_places_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "p.geojson"
    path.write_text('{"type": "Point", "coordinates": [1, 2]}', encoding="utf-8-sig")
    assert read_places(path).points == ([(1.0, 2.0)],)


def test_a_missing_file_of_places_is_said(tmp_path: Path) -> None:
    with pytest.raises(RsitmdError, match="cannot be read"):
        read_places(tmp_path / "none.geojson")
