"""The places of the images of a release, and files that other people may have changed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats.source_places import read_source_places

RING = [[14.0, 45.0], [14.1, 45.0], [14.1, 45.1], [14.0, 45.0]]
ITEM: dict[str, Any] = {
    "type": "Feature",
    "geometry": {"type": "Polygon", "coordinates": [RING]},
    "properties": {
        "rsitmd:image": "port_1.tif",
        "rsitmd:source": "scenes/north.tif",
        "rsitmd:source_sha256": "ab" * 32,
        "rsitmd:col": 64,
        "rsitmd:row": 0,
        "rsitmd:width": 64,
        "rsitmd:height": 64,
        "rsitmd:crs": "EPSG:32633",
        "rsitmd:gsd": 2.0,
        "rsitmd:acquired": None,
        "start_datetime": "1970-01-01T00:00:00Z",
        "end_datetime": "2024-05-06T07:08:09Z",
    },
}


def write(folder: Path, *items: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "release.json").touch()
    (folder / "stac.json").write_text(json.dumps({"features": list(items)}))
    return folder


def listed(folder: Path, window: str) -> Path:
    (folder / "release.json").touch()
    head = "filename,sha256,source,source_sha256,window"
    line = f"port_1.tif,{'0' * 64},north.tif,{'cd' * 32},{window}"
    (folder / "images.csv").write_text(f"{head}\n{line}\n")
    return folder


def test_an_item_is_a_place(tmp_path: Path) -> None:
    place = read_source_places(write(tmp_path, ITEM))["port_1.tif"]
    assert (place.window, place.gsd) == ((64, 0, 64, 64), 2.0)
    assert place.footprint == ITEM["geometry"]
    scene = place.scene
    assert (scene.sha256, scene.source, scene.crs) == ("ab" * 32, "scenes/north.tif", "EPSG:32633")
    assert scene.mtime_ns == 1_714_979_289 * 10**9


def test_a_scene_without_a_georeference_has_windows(tmp_path: Path) -> None:
    place = read_source_places(listed(tmp_path, "0 64 32 32"))["port_1.tif"]
    assert (place.window, place.footprint) == ((0, 64, 32, 32), None)
    assert (place.scene.sha256, place.scene.source) == ("cd" * 32, "north.tif")


def test_an_image_without_a_window_has_no_place(tmp_path: Path) -> None:
    assert read_source_places(listed(tmp_path, "")) == {}
    assert read_source_places(tmp_path / "none") == {}


def test_files_of_these_names_in_another_folder_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "images.csv").write_text("image,caption\na.png,A boat.\n")
    (tmp_path / "stac.json").write_text("{}")
    assert read_source_places(tmp_path) == {}


def put(*path: Any) -> Callable[[Any], None]:
    """Return a function that changes one value of an item; the last argument is the value."""
    *keys, last, value = path

    def change(item: Any) -> None:
        for key in keys:
            item = item[key]
        item[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (put("properties", "rsitmd:source_sha256", "../../etc"), "checksum"),
        (put("properties", "rsitmd:source_sha256", None), "checksum"),
        (put("properties", "rsitmd:col", -1), "window"),
        (put("properties", "rsitmd:width", 0), "window"),
        (put("properties", "rsitmd:row", 2**40), "window"),
        (put("properties", "rsitmd:row", 1.5), "window"),
        (put("properties", "rsitmd:row", None), "window"),
        (put("properties", "rsitmd:gsd", -2), "ground sample distance"),
        (put("properties", "rsitmd:gsd", True), "ground sample distance"),
        (put("properties", "rsitmd:crs", 32633), "property"),
        (put("properties", "rsitmd:acquired", "yesterday"), "time"),
        (put("properties", "rsitmd:acquired", "2024-05-06T07:08:09"), "time"),
        (put("properties", "end_datetime", 12), "time"),
        (put("geometry", None), "footprint"),
        (put("geometry", "type", "Point"), "footprint"),
        (put("geometry", "type", ["Polygon"]), "footprint"),
        (put("geometry", "coordinates", []), "footprint"),
        (put("geometry", "coordinates", [RING[:3]]), "footprint"),
        (put("geometry", "coordinates", 0, 1, 1, 95), "footprint"),
        (put("geometry", "coordinates", 0, 1, 1, float("nan")), "footprint"),
        (put("geometry", "coordinates", 0, 1, 1, "45"), "footprint"),
        (put("geometry", "coordinates", 0, 1, 0, 1e300), "footprint"),
        (put("geometry", "coordinates", 0, 1, 0, 10**400), "footprint"),
        (put("geometry", {"type": "MultiPolygon", "coordinates": []}), "footprint"),
        (put("geometry", "coordinates", [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]), "footprint"),
        (put("geometry", "coordinates", [[[0, 0], [1, 1], [2, 2], [0, 0]]]), "footprint"),
        (put("properties", "rsitmd:gsd", 10**400), "ground sample distance"),
        (put("properties", "end_datetime", "9999-12-31T00:00:00Z"), "time"),
        (put("properties", "end_datetime", "0001-01-01T00:00:00Z"), "time"),
    ],
)
def test_a_malformed_item_is_named(
    tmp_path: Path, change: Callable[[Any], None], what: str
) -> None:
    item = copy.deepcopy(ITEM)
    change(item)
    with pytest.raises(RsitmdError, match=f"stac.json: port_1.tif.*{what}.* is malformed"):
        read_source_places(write(tmp_path, item))


@pytest.mark.parametrize("window", ["0 0 64", "a b c d", "0 0 0 64", "-1 0 64 64", "0 0 64 64 1"])
def test_a_malformed_window_is_named(tmp_path: Path, window: str) -> None:
    with pytest.raises(RsitmdError, match=r"images.csv: port_1.tif.*window is malformed"):
        read_source_places(listed(tmp_path, window))


@pytest.mark.parametrize(
    "text", ["{", "[]", "null", '{"features": 1}', '{"features": [3]}', "[" * 9999]
)
def test_another_file_is_no_stac_file_of_a_release(tmp_path: Path, text: str) -> None:
    (tmp_path / "release.json").touch()
    (tmp_path / "stac.json").write_text(text)
    with pytest.raises(RsitmdError, match=r"stac\.json"):
        read_source_places(tmp_path)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from(sorted(ITEM["properties"])), ANY, ANY)
def test_any_value_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: Any, geometry: Any
) -> None:
    folder = tmp_path_factory.mktemp("release")
    for item in (
        {**ITEM, "properties": {**ITEM["properties"], key: value}},
        {**ITEM, "geometry": {"type": "Polygon", "coordinates": geometry}},
    ):
        try:
            found = read_source_places(write(folder, item))
        except RsitmdError:
            continue
        assert all(min(place.window) >= 0 for place in found.values())
