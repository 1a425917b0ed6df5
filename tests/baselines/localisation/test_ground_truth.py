"""Polygons: CRS, holes, crossing edges, the published layout, and what cannot be used."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapely.geometry import shape

from rsitmd_tools.baselines.localisation.ground_truth import Truth, read_truth
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.imaging.raster import open_raster

RING = [[10.0, 20.0], [110.0, 20.0], [110.0, 60.0], [10.0, 60.0]]


def geojson(path: Path, *rings: list[list[float]], crs: str | None = None) -> Path:
    document: dict[str, Any] = {"type": "Polygon", "coordinates": [[*r, r[0]] for r in rings]}
    if crs:
        document["crs"] = {"type": "name", "properties": {"name": crs}}
    path.write_text(json.dumps(document))
    return path


def read(path: Path, scene: Path, text: str = "a lake") -> Truth:
    with open_raster(scene) as raster:
        return read_truth(path, scene, raster, text)


def ground(ring: list[list[float]], crs: str) -> list[list[float]]:
    """Return pixels of the scene in a CRS."""
    from rasterio.warp import transform

    xs, ys = [400_000 + 0.5 * x for x, _ in ring], [5_000_000 - 0.5 * y for _, y in ring]
    return [list(pair) for pair in zip(*transform("EPSG:32633", crs, xs, ys), strict=True)]


@pytest.mark.parametrize(
    ("crs", "named"), [("EPSG:4326", None), ("EPSG:32633", "EPSG:32633"), ("EPSG:3857",) * 2]
)
def test_polygons_in_any_crs(scene: Path, tmp_path: Path, crs: str, named: str | None) -> None:
    truth = read(geojson(tmp_path / "t.geojson", ground(RING, crs), crs=named), scene)
    np.testing.assert_allclose(truth.polygons[0].outline, RING, atol=1e-3)
    assert truth.notes == ()


def test_pixels_of_a_scene_without_crs(make_scene: Callable[..., Path], tmp_path: Path) -> None:
    plain = make_scene(crs=None, transform=None)
    hole = [[20.0, 28.0], [40.0, 28.0], [40.0, 48.0], [20.0, 48.0]]
    truth = read(geojson(tmp_path / "t.geojson", RING, hole), plain)
    mask = truth.mask((200, 300))
    assert mask.sum() == 100 * 40 - 20 * 20
    assert mask[20, 10]
    assert not mask[30, 20]
    assert truth.mask((50, 75), 4).sum() == 25 * 10 - 25
    named = geojson(tmp_path / "n.geojson", RING, crs="EPSG:32633")
    with pytest.raises(RsitmdError, match="names a CRS, but the scene has none"):
        read(named, plain)


def test_edges_that_cross_and_reach_outside(
    make_scene: Callable[..., Path], tmp_path: Path
) -> None:
    plain = make_scene(crs=None, transform=None)
    bow = [[250.0, 0.0], [350.0, 100.0], [350.0, 0.0], [250.0, 100.0]]
    truth = read(geojson(tmp_path / "t.geojson", bow), plain)
    crossing, outside = truth.notes
    assert crossing.startswith("t.geojson: 1 polygon with edges that cross (1)")
    assert outside.startswith("t.geojson: 1 polygon partly outside of the scene (1)")
    # The left triangle, whose tip is at (300, 50).
    assert truth.mask((200, 300)).sum() == pytest.approx(2500, rel=0.03)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857"])
def test_rounded_coordinates_at_the_edge_are_inside(scene: Path, tmp_path: Path, crs: str) -> None:
    whole = ground([[0, 0], [0, 200], [300, 200], [300, 0]], crs)
    rounded = [[round(x, 9), round(y, 9)] for x, y in whole]
    # Rounded outwards by 0.1 mm.
    rounded[0][1] += 1e-9
    assert read(geojson(tmp_path / "t.geojson", rounded, crs=crs), scene).notes == ()


def test_polygons_outside_of_the_scene(
    scene: Path, make_scene: Callable[..., Path], tmp_path: Path
) -> None:
    away = geojson(tmp_path / "t.geojson", [[x + 50, y] for x, y in ground(RING, "EPSG:4326")])
    with pytest.raises(RsitmdError, match=r"polygon 1 is outside of the scene; .*WGS84"):
        read(away, scene)
    # Metres without the name of their CRS: no longitude or latitude.
    metres = geojson(tmp_path / "m.geojson", ground(RING, "EPSG:32633"))
    with pytest.raises(RsitmdError, match=r"polygon 1 (is outside|cannot be transformed)"):
        read(metres, scene)
    plain = make_scene("plain.tif", crs=None, transform=None)
    far = geojson(tmp_path / "f.geojson", [[x + 900, y] for x, y in RING])
    with pytest.raises(RsitmdError, match=r"polygon 1 is outside of the scene; use pixels"):
        read(far, plain)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "3",
        "null",
        '{"type": "Point", "coordinates": [1, 2]}',
        '{"type": "Polygon", "coordinates": [[[1, 2], [1, 2], [3, 4]]]}',
        '{"type": "Polygon", "coordinates": [[[1, null], [1, 2], [3, 4]]]}',
        '{"type": "Polygon", "coordinates": []}',
        '{"type": "FeatureCollection", "features": []}',
        "[1]",
        '[{"jpg_name": "scene.tif", "caption": 3, "points": []}]',
        '[{"jpg_name": "scene.tif", "caption": "a lake", "points": [[]]}]',
        "[]",
        "{",
    ],
)
def test_malformed_files(scene: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.geojson"
    path.write_text(text)
    with pytest.raises(RsitmdError, match=r"t\.geojson: (is n|has no )"):
        read(path, scene)


def test_the_published_layout(make_scene: Callable[..., Path], tmp_path: Path) -> None:
    plain = make_scene("0.tif", crs=None, transform=None)
    entries = [
        {"jpg_name": "0.tif", "caption": "A lake. \n", "points": [RING, RING]},
        {"jpg_name": "1.tif", "caption": "A lake.", "points": [RING]},
    ]
    path = tmp_path / "anno.json"
    path.write_text(json.dumps(entries))
    assert len(read(path, plain, "a  lake").polygons) == 2
    with pytest.raises(RsitmdError, match=r'no entry with this sentence.*--text "A lake\."'):
        read(path, plain, "a road")
    with pytest.raises(RsitmdError, match=r"has no entry for other.tif; .*0\.tif"):
        read(path, make_scene("other.tif"), "a lake")


def test_all_published_queries_are_read(
    shared_data: Path, make_scene: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shared_data / "captions" / "selo" / "anno.json"
    entries = json.loads(path.read_text())
    scene = make_scene(crs=None, transform=None)
    polygons = crossing = 0
    with open_raster(scene) as raster:
        raster.width = raster.height = 20_000
        for entry in entries:
            named = scene.with_name(entry["jpg_name"])
            truth = read_truth(path, named, raster, entry["caption"])
            polygons += len(truth.polygons)
            here = sum(not shape(polygon.geometry()).is_valid for polygon in truth.polygons)
            crossing += here
            noted = re.findall(r"(\d+) polygons? with edges that cross", " ".join(truth.notes))
            assert list(map(int, noted)) == [here] * (here > 0)
    assert len(entries) == 59
    assert len({entry["jpg_name"] for entry in entries}) == 22
    assert (polygons, crossing) == (103, 14)
