"""Footprints and pixel sizes, against rasterio's own reading of the same files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.rpc import RPC
from rasterio.transform import AffineTransformer
from rasterio.warp import transform, transform_geom
from rasterio.windows import Window, bounds
from shapely import contains_xy
from shapely.geometry import box, mapping, shape

from rsitmd_tools.ingest.footprints import (
    Georeference,
    acquisition_time,
    georeference,
    window_transform,
)
from tests.ingest.rpcs import rational_polynomials
from tests.ingest.scenes import CORNER, UTM, values, write_scene


def placed(epsg: int, affine: Affine, size: int = 100) -> Georeference:
    crs = CRS.from_epsg(epsg)
    return Georeference(crs, AffineTransformer(affine), tuple(affine[:6]), (size, size))


def opened(path: Path) -> Georeference | None:
    with rasterio.open(path) as raster:
        return georeference(raster)


@pytest.mark.parametrize("window", [(0, 0, 64, 64), (37, 11, 20, 20), (63, 63, 1, 1)])
def test_a_footprint_is_the_window_that_rasterio_transforms(
    tmp_path: Path, window: tuple[int, int, int, int]
) -> None:
    path = write_scene(tmp_path / "a.tif", values(64, 64))
    with rasterio.open(path) as raster:
        expected = shape(
            transform_geom(
                raster.crs,
                "EPSG:4326",
                mapping(box(*bounds(Window(*window), raster.transform))),
            )
        )
        found = georeference(raster)
        assert found is not None and found.crs == UTM
        footprint = shape(found.footprints([window])[0])
        transform = raster.window_transform(Window(*window))
    assert footprint.symmetric_difference(expected).area < 1e-3 * expected.area
    assert footprint.exterior.is_ccw
    assert found.gsds([window]) == [2.0]
    assert found.transform is not None
    assert window_transform(found.transform, window) == tuple(transform[:6])


def test_a_rotated_transform_gives_a_rotated_footprint(tmp_path: Path) -> None:
    rotated = CORNER @ Affine.rotation(30)
    found = opened(write_scene(tmp_path / "a.tif", values(64, 64), transform=rotated))
    assert found is not None
    area = shape(found.footprints([(0, 0, 64, 64)])[0])
    assert len(area.exterior.coords) == 5
    # A square on its corner fills its bounds by 1 / (sin 30 + cos 30)^2.
    ring = np.array(area.exterior.coords) * [np.cos(np.radians(area.centroid.y)), 1]
    extent = (ring.max(axis=0) - ring.min(axis=0)).prod()
    share = area.area * np.cos(np.radians(area.centroid.y)) / extent
    assert share == pytest.approx(0.536, abs=0.02)
    assert found.gsds([(0, 0, 64, 64)]) == [2.0]


def test_ground_control_points_give_a_footprint(tmp_path: Path) -> None:
    points = [
        GroundControlPoint(row, column, *(CORNER @ (column, row)))
        for row in (0, 64)
        for column in (0, 64)
    ]
    path = write_scene(
        tmp_path / "gcps.tif", values(64, 64), crs=None, transform=None, photometric="RGB"
    )
    with rasterio.open(path, "r+") as raster:
        raster.gcps = (points, CRS.from_string(UTM))
    found, exact = opened(path), placed(32633, CORNER, 64)
    assert found is not None and found.transform is None and found.crs == UTM
    window = (10, 20, 30, 30)
    one, other = (shape(ref.footprints([window])[0]) for ref in (found, exact))
    assert one.symmetric_difference(other).area < 1e-4 * other.area


@pytest.mark.parametrize("jump", [False, True])
def test_ground_control_points_on_both_sides_of_the_antimeridian(
    tmp_path: Path, jump: bool
) -> None:
    affine = Affine(0.001, 0, 179.97, 0, -0.001, 50)
    points = []
    for row, column in [(0, 0), (0, 64), (64, 0), (64, 64), (32, 32)]:
        x, y = affine @ (column, row)
        points.append(GroundControlPoint(row, column, x - 360 * (jump and x > 180), y, 0))
    path = write_scene(
        tmp_path / "gcps.tif", values(64, 64), crs=None, transform=None, photometric="RGB"
    )
    with rasterio.open(path, "r+") as raster:
        raster.gcps = (points, CRS.from_epsg(4326))
    found = opened(path)
    assert found is not None
    footprint = shape(found.footprints([(0, 0, 64, 64)])[0])
    assert footprint.geom_type == "MultiPolygon"
    assert footprint.area == pytest.approx(0.064**2, rel=1e-3)
    for longitude in (-179.97, 180.03):
        assert found.pixels([(longitude, 49.97)], "EPSG:4326") == pytest.approx(
            np.array([[60.0, 30.0]]), abs=1e-3
        )


def test_rational_polynomials_give_a_footprint(shared_data: Path) -> None:
    with rasterio.open(shared_data / "rasters" / "RGB.byte.rpc.vrt") as raster:
        assert isinstance(raster.rpcs, RPC)
        found = georeference(raster)
        assert found is not None and found.transform is None
        area = shape(found.footprints([(0, 0, raster.width, raster.height)])[0])
        point = area.centroid
        pixel = found.pixels([(point.x, point.y)], "EPSG:4326")
    assert abs(point.x - raster.rpcs.long_off) < raster.rpcs.long_scale
    assert abs(point.y - raster.rpcs.lat_off) < raster.rpcs.lat_scale
    assert pixel is not None
    assert pixel[0] == pytest.approx((raster.width / 2, raster.height / 2), rel=0.02)


def test_rational_polynomials_are_taken_at_the_height_of_their_ground(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "a.tif", values(64, 64), crs=None, transform=None)
    with rasterio.open(path, "r+") as raster:
        raster.rpcs = rational_polynomials(13.0, 45.0, height=2000, lean=8)
    found = opened(path)
    assert found is not None
    # The coordinates are those of the centre of the pixel.
    at = found.lonlat(np.array([32.5]), np.array([32.5]))
    assert at is not None and np.concatenate(at) == pytest.approx([13.0, 45.0], abs=1e-6)
    pixel = found.pixels([(13.0, 45.0)], "EPSG:4326")
    assert pixel == pytest.approx(np.array([[32.5, 32.5]]), abs=1e-3)


@pytest.mark.parametrize(
    "options", [{"crs": None}, {"crs": None, "transform": None}, {"transform": Affine.identity()}]
)
def test_a_raster_without_a_place_has_none(tmp_path: Path, options: dict[str, Any]) -> None:
    assert opened(write_scene(tmp_path / "a.tif", values(20, 20), **options)) is None


def test_another_planet_has_no_footprint(shared_data: Path) -> None:
    found = opened(shared_data / "rasters" / "cog_hirise_mars.tif")
    assert found is not None
    assert found.footprints([(0, 0, 16, 16)]) == [None]
    assert found.gsds([(0, 0, 16, 16)]) == [pytest.approx(5.0014, abs=1e-3)]


@pytest.mark.parametrize("up", [1, -1])
def test_a_footprint_is_cut_at_the_antimeridian(up: int) -> None:
    found = placed(4326, Affine(0.01, 0, 179.5, 0, 0.01 * up, 10))
    whole, west, east = found.footprints([(0, 0, 100, 100), (0, 0, 50, 50), (50, 0, 50, 50)])
    assert whole is not None and whole["type"] == "MultiPolygon"
    parts = sorted(polygon.bounds for polygon in shape(whole).geoms)
    assert [part[0] for part in parts] == pytest.approx([-180, 179.5])
    assert [part[2] for part in parts] == pytest.approx([-179.5, 180])
    assert shape(whole).area == pytest.approx(1)
    assert shape(west).bounds[2] == 180 and shape(east).bounds[0] == -180
    # And back: a place on the other side of the line is a pixel of the scene.
    assert found.pixels([(-179.8, 10 + 0.5 * up)], "EPSG:4326") == pytest.approx(
        np.array([[70.0, 50.0]])
    )


@pytest.mark.parametrize(("epsg", "pole"), [(3413, 90), (3031, -90)])
@pytest.mark.parametrize("up", [1, -1])
def test_a_footprint_with_a_pole_has_it_inside(epsg: int, pole: int, up: int) -> None:
    affine = Affine(1000, 0, -50_000, 0, 1000 * up, -50_000 * up)
    area = shape(placed(epsg, affine).footprints([(0, 0, 100, 100)])[0])
    west, south, east, north = area.bounds
    assert (west, east) == (-180, 180)
    assert {south, north} & {pole} and abs(north - south) < 1


# Pixels from the upper left corner to the pole: outside, at a corner, on an edge, inside.
POLES = (
    *((-20, 200), (64, -20)),
    *((0, 0), (256, 0), (0, 256), (256, 256)),
    *((64, 256), (100, 256), (256, 128), (0, 100)),
    *((13, 128), (250, 250)),
)


@pytest.mark.parametrize("pole", POLES)
@pytest.mark.parametrize("epsg", [3413, 3031, 3995])
@pytest.mark.parametrize("metres", [10, 1000])
@pytest.mark.parametrize("up", [1, -1])
def test_a_footprint_near_a_pole_has_the_points_of_its_window_and_no_others(
    pole: tuple[int, int], epsg: int, metres: int, up: int
) -> None:
    affine = Affine(metres, 0, -metres * pole[0], 0, -metres * up, metres * up * pole[1])
    area = shape(placed(epsg, affine).footprints([(0, 0, 256, 256)])[0])
    assert area.is_valid
    shares = np.random.default_rng(0).uniform(-0.5, 1.5, (2000, 2))
    # Not those on the border: the footprint has straight edges.
    shares = shares[(np.abs(np.abs(shares - 0.5) - 0.5) > 0.03).all(axis=1)]
    xs, ys = affine @ tuple(256 * shares.T)
    lons, lats = transform(CRS.from_epsg(epsg), "EPSG:4326", xs.tolist(), ys.tolist())
    inside = ((shares > 0) & (shares < 1)).all(axis=1)
    assert (contains_xy(area, lons, lats) == inside).all()


def test_the_whole_earth_is_not_cut() -> None:
    found = placed(4326, Affine(1, 0, -179.999997728, 0, -1, 90), 360)
    assert shape(found.footprints([(0, 0, 360, 180)])[0]).area == pytest.approx(360 * 180)


def test_the_pixel_size_is_measured_where_the_projection_stretches() -> None:
    mercator = placed(3857, Affine(2, 0, 0, 0, -2, 8_399_737))  # latitude 60
    assert mercator.gsds([(0, 0, 10, 10)])[0] == pytest.approx(1.0, rel=0.01)
    degrees = placed(4326, Affine(0.001, 0, 10, 0, -0.001, 0))
    assert degrees.gsds([(0, 0, 10, 10)])[0] == pytest.approx(110.95, rel=0.002)


@pytest.mark.parametrize(
    ("tags", "when"),
    [
        ({"TIFFTAG_DATETIME": "2019:09:11 11:57:46"}, "2019-09-11T11:57:46Z"),
        ({"ACQUISITIONDATETIME": "2016-10-05T10:20:30.5+02:00"}, "2016-10-05T08:20:30Z"),
        ({"NITF_IDATIM": "20160102030405"}, "2016-01-02T03:04:05Z"),
        ({"DATE_ACQUIRED": "2020-02-29"}, "2020-02-29T00:00:00Z"),
        (
            {"TIFFTAG_DATETIME": "2020:01:01 00:00:00", "AcquisitionDateTime": "2018-01-01"},
            "2018-01-01T00:00:00Z",
        ),
        (
            {"ACQUISITION_DATE": "unknown", "TIFFTAG_DATETIME": "2020:01:01 00:00:00"},
            "2020-01-01T00:00:00Z",
        ),
        ({"TIFFTAG_DATETIME": "2019:02:30 00:00:00"}, None),
        ({"TIFFTAG_DATETIME": ""}, None),
        ({}, None),
    ],
)
def test_the_acquisition_time_is_read_from_tags(tags: dict[str, str], when: str | None) -> None:
    assert acquisition_time(tags) == when


@given(st.text(max_size=30))
def test_no_tag_breaks_the_reading_of_times(text: str) -> None:
    found = acquisition_time({"TIFFTAG_DATETIME": text})
    assert found is None or len(found) == 20


@given(
    st.tuples(st.integers(0, 90), st.integers(0, 90), st.integers(1, 10), st.integers(1, 10)),
    st.floats(-180, 180),
    st.floats(-80, 80),
    st.floats(0.0001, 0.05),
)
def test_footprints_lie_on_the_earth_and_lead_back_to_the_window(
    window: tuple[int, int, int, int], lon: float, lat: float, step: float
) -> None:
    found = placed(4326, Affine(step, 0, lon, 0, -step, lat))
    footprint = found.footprints([window])[0]
    assert footprint is not None
    west, south, east, north = shape(footprint).bounds
    assert west >= -180 and east <= 180 and south >= -90 and north <= 90
    polygons = footprint["coordinates"]
    rings = [polygons[0]] if footprint["type"] == "Polygon" else [p[0] for p in polygons]
    pixels = found.pixels([tuple(point) for ring in rings for point in ring], "EPSG:4326")
    assert pixels is not None
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    expected = np.array([window[0], window[1], window[0] + window[2], window[1] + window[3]])
    assert np.abs(np.concatenate([low, high]) - expected).max() < 1e-4
