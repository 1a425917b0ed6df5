"""Spatial groups: windows, footprints and blocks, against a plain comparison of all pairs."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import networkx
import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rasterio.warp import transform
from shapely.geometry import box, mapping, shape

from rsitmd_tools.cli import root
from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.formats.image_list import read_image_list
from rsitmd_tools.ingest.image_size import set_image_size
from rsitmd_tools.ingest.ingest import ingest
from rsitmd_tools.ingest.plan import TileOptions
from rsitmd_tools.ingest.spatial import components, group_places, parse_block, spatial_groups
from rsitmd_tools.ingest.tiles import ingest_tiles
from rsitmd_tools.release import make_release
from rsitmd_tools.splitting import split
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.scenes import ImagePlace, Scene, Window, image_places
from tests.builders import add, add_annotation, add_team
from tests.ingest.scenes import CORNER, UTM, write_scene


def scene(sha256: str) -> Scene:
    return Scene(sha256, "a.tif", "/a.tif", 1, 1, 100, 100, None, None, None, "{}")


def place(
    number: int,
    window: Window | None = (0, 0, 8, 8),
    footprint: dict[str, Any] | None = None,
    file: str | None = None,
) -> ImagePlace:
    known = scene(str(number) if file is None else file)
    name = f"a_{number}.tif"
    return ImagePlace(
        number, name, "a", None, "/a.tif", (100, 100), window, footprint, 1.0, None, known
    )


def ground(west: float, south: float, side: float = 0.01) -> dict[str, Any]:
    found = mapping(box(west, south, west + side, south + side))
    return {"type": found["type"], "coordinates": found["coordinates"]}


def test_tiles_that_overlap_hundreds_of_others_need_little_memory() -> None:
    starts = [(16 * number % 960, 16 * number // 960 * 16) for number in range(3600)]
    tiles = [place(n, (*start, 256, 256), file="a") for n, start in enumerate(starts)]
    tracemalloc.start()
    groups = spatial_groups(tiles)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert set(groups) == {0}
    assert peak < 60_000_000  # a list of the 1.4 million pairs takes 300 MB


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=25))
def test_windows_with_common_pixels_are_one_group(corners: list[tuple[int, int]]) -> None:
    places = [place(n, (x, y, 8, 8), file="same") for n, (x, y) in enumerate(corners, 1)]
    graph = networkx.Graph()
    graph.add_nodes_from(range(len(corners)))
    for one, (x, y) in enumerate(corners):
        for other, (u, v) in enumerate(corners[:one]):
            if abs(x - u) < 8 and abs(y - v) < 8:
                graph.add_edge(one, other)
    expected: list[int | None] = [None] * len(corners)
    for members in networkx.connected_components(graph):
        for index in members:
            expected[index] = min(members) if len(members) > 1 else None
    assert spatial_groups(places) == expected
    grounds = [
        place(n, footprint=ground(x / 1000, y / 1000, 0.008)) for n, (x, y) in enumerate(corners, 1)
    ]
    assert spatial_groups(grounds) == expected
    for files in (["one"], ["one", "two"]):
        both = [
            place(n, (x, y, 8, 8), ground(x / 1000, y / 1000, 0.008), files[n % len(files)])
            for n, (x, y) in enumerate(corners, 1)
        ]
        assert spatial_groups(both) == expected


def test_windows_of_different_scenes_say_nothing() -> None:
    assert spatial_groups([place(1), place(2)]) == [None, None]


def test_neighbours_that_only_touch_are_apart() -> None:
    rounding = 1e-9
    places = [place(1, footprint=ground(10, 50)), place(2, footprint=ground(10.01 - rounding, 50))]
    assert spatial_groups(places) == [None, None]


def test_parts_at_the_antimeridian_meet() -> None:
    crossing = {
        "type": "MultiPolygon",
        "coordinates": [ground(179.99, 0)["coordinates"], ground(-180, 0)["coordinates"]],
    }
    places = [place(1, footprint=crossing), place(2, footprint=ground(-179.995, 0.005))]
    assert spatial_groups(places) == [0, 0]
    assert spatial_groups(places[:1], 1000.0) == [None]


def test_a_block_is_one_group() -> None:
    # 0.01 degrees are 700 m across and 1100 m along.
    places = [place(n, footprint=ground(15 + n * 0.02, 50)) for n in range(20)]
    assert spatial_groups(places) == [None] * 20
    groups = spatial_groups(places, 5000.0)
    assert 4 < len(set(groups)) < 10 and None not in groups[1:-1]
    assert groups == sorted(groups, key=lambda first: -1 if first is None else first)


@pytest.mark.parametrize("corner", [(10, 89), (10, -89), (179.99, 10), (-180, -10)])
def test_blocks_exist_everywhere(corner: tuple[float, float]) -> None:
    places = [place(n, footprint=ground(*corner, 0.001)) for n in range(2)]
    assert spatial_groups(places, 1000.0) == [0, 0]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9))))
def test_components_have_the_number_of_their_first(pairs: list[tuple[int, int]]) -> None:
    found = components(10, pairs)
    graph = networkx.Graph(pairs)
    for members in networkx.connected_components(graph):
        if len(members) > 1:
            assert {found[index] for index in members} == {min(members)}
    assert all(found[index] is None for index in range(10) if index not in graph)


@pytest.mark.parametrize(
    ("text", "metres"), [("1km", 1000), ("500m", 500), ("2.5 km", 2500), ("300", 300), ("0", 0)]
)
def test_lengths(text: str, metres: float) -> None:
    assert parse_block(text) == metres


@pytest.mark.parametrize("text", ["", "km", "-1km", "1mm", "0.1", "1e3", "99999999km", "1 km 2"])
def test_what_is_no_length(text: str) -> None:
    with pytest.raises(WrongUsage, match="is not a length"):
        parse_block(text)


def test_a_split_keeps_places_together_and_apart_from_duplicates(tmp_path: Path) -> None:
    # Two scenes of one place, in which the second differs and lies half a tile to the east.
    coarse = np.random.default_rng(1).integers(0, 256, (2, 3, 80, 80), dtype=np.uint8)
    one, two = coarse.repeat(8, axis=2).repeat(8, axis=3)
    first = write_scene(tmp_path / "s" / "a.tif", one)
    other = CORNER @ CORNER.translation(320, 0)
    write_scene(tmp_path / "s" / "b.tif", two, transform=other)
    with Workspace.create(tmp_path / "w") as workspace:
        report = ingest_tiles(workspace, [first.parent], TileOptions(64))
        assert (report.added, report.overlapping, report.spatial_groups) == (200, 100, 50)
        done = split(workspace, {"train": 0.5, "val": 0.25, "test": 0.25})
        assert (done.same_place, done.parted_places, done.parted) == (100, 0, 0)
        places = image_places(workspace)
        homes: dict[int | None, set[str | None]] = {}
        for found in places:
            homes.setdefault(found.group, set()).add(found.split)
        assert all(len(splits) == 1 for group, splits in homes.items() if group is not None)
        assert len({found.split for found in places}) == 3
        # The duplicates stay a relation of their own.
        found = workspace.db.execute("SELECT count(duplicate_group) FROM image").fetchone()
        assert found[0] == 0

        blocked = split(workspace, {"train": 0.5, "val": 0.25, "test": 0.25}, block=300.0)
        assert blocked.same_place == 200 and blocked.parted_places > 0
        again = split(workspace, {"train": 0.5, "val": 0.25, "test": 0.25}, reassign=True)
        assert (again.same_place, again.parted_places) == (200, 0)  # the length is recorded
        assert group_places(workspace, 0.0).images == 100


def drawn(seed: int, side: int) -> npt.NDArray[np.uint8]:
    """Return a scene of squares of 8 pixels, so that no two tiles are similar."""
    coarse = np.random.default_rng(seed).integers(0, 256, (3, side // 8, side // 8), np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


@pytest.mark.parametrize("tiles_first", [False, True])
def test_an_image_and_the_tiles_of_its_file_have_one_split(
    tiles_first: bool, tmp_path: Path
) -> None:
    """The files have no map coordinates."""
    (tmp_path / "s" / "field").mkdir(parents=True)
    for number in range(12):
        pixels = drawn(number, 128).transpose(1, 2, 0)
        Image.fromarray(pixels).save(tmp_path / "s" / "field" / f"{number}.png")
    steps: list[Callable[[Workspace], object]] = [
        lambda workspace: ingest(workspace, [tmp_path / "s"]),
        lambda workspace: ingest_tiles(workspace, [tmp_path / "s"], TileOptions(64)),
    ]
    with Workspace.create(tmp_path / "w") as workspace:
        set_image_size(workspace, 64)
        for step in reversed(steps) if tiles_first else steps:
            step(workspace)
        split(workspace, {"train": 0.5, "val": 0.25, "test": 0.25})
        homes: dict[str, list[str | None]] = {}
        for found in image_places(workspace):
            assert found.scene is not None and found.window is not None
            homes.setdefault(found.scene.sha256, []).append(found.split)
    assert len(homes) == 12
    for splits in homes.values():
        assert len(splits) == 5 and len(set(splits)) == 1


def test_the_tiles_of_a_grid_cell_have_one_split(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "s" / "a.tif", drawn(1, 640))
    with Workspace.create(tmp_path / "w") as workspace:
        set_image_size(workspace, 64)
        assert ingest_tiles(workspace, [scene], TileOptions(64)).added == 100
    command = ["build", "split", str(tmp_path / "w"), "--block", "300m", "--by", "block"]
    done = CliRunner().invoke(root.cli, [*command, "--shares", "0.5,0.25,0.25"])
    assert done.exit_code == 0, done.output
    with Workspace.open(tmp_path / "w") as workspace:
        places = image_places(workspace)
    centres = [shape(found.footprint).centroid for found in places]
    xs, ys = transform("EPSG:4326", UTM, [c.x for c in centres], [c.y for c in centres])
    cells: dict[tuple[int, int], list[ImagePlace]] = {}
    for found, x, y in zip(places, xs, ys, strict=True):
        cells.setdefault((int(x // 300), int(y // 300)), []).append(found)
    assert len(cells) == 25 and max(map(len, cells.values())) > 4
    assert {len({found.split for found in cell}) for cell in cells.values()} == {1}
    assert {found.split for found in places} == {"train", "val", "test"}


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """A workspace of the tiles of three scenes, which lie apart, with all their sentences."""
    for number in range(3):
        apart = CORNER @ CORNER.translation(1000 * number, 0)
        write_scene(tmp_path / "s" / f"{number}.tif", drawn(number, 192), transform=apart)
    licences = {"text_licence": "CC-BY-4.0", "image_licence": "CC0-1.0"}
    with Workspace.create(tmp_path / "w", **licences) as workspace:
        set_image_size(workspace, 64)
        assert ingest_tiles(workspace, [tmp_path / "s"], TileOptions(64)).added == 27
        with workspace.transaction() as db:
            add_team(db, *(f"person{slot}@example.org" for slot in range(5)))
            for number in range(1, 28):
                task = add(db, "task", id=number, image_id=number)
                for slot in range(5):
                    add_annotation(
                        db,
                        [f"{slot + 1} white ships lie at the pier number {number}."],
                        ["white ship"],
                        task_id=task,
                        server_id=10 * number + slot,
                        annotator_id=slot + 1,
                    )
    return tmp_path / "w"


@pytest.mark.libraries
def test_no_two_splits_of_a_release_share_a_scene(scenes: Path, tmp_path: Path) -> None:
    command = ["build", "split", str(scenes), "--shares", "0.34,0.33,0.33", "--by"]
    numbers, codes = {}, {}
    for by in ("scene", "group"):
        done = CliRunner().invoke(root.cli, [*command, by, "--reassign"])
        assert done.exit_code == 0, done.output
        with Workspace.open(scenes) as workspace:
            make_release(workspace, "1.0.0", tmp_path / by)
        proof = json.loads((tmp_path / by / "split_proof.json").read_text(encoding="utf-8"))
        numbers[by] = {tuple(entry["splits"]): entry["shared_scenes"] for entry in proof["splits"]}
        checked = ["validate", str(tmp_path / by), "--select", "L104,L110", "--format", "json"]
        document = json.loads(CliRunner().invoke(root.cli, checked).stdout)
        assert not document["summary"].get("unchecked")
        codes[by] = {finding["code"] for finding in document["findings"]}
    assert list(numbers["scene"].values()) == [0, 0, 0] and codes["scene"] == set()
    # The tiles only touch, so without --by scene they are parted, which is seen.
    assert min(numbers["group"].values()) > 0 and codes["group"] == {"L104"}


def of_sources(release: Path) -> dict[str, tuple[str, ...]]:
    """Return the source, its checksum and the window of each released image."""
    listed = read_image_list(release / "images.csv")
    return {image.filename: (image.source, image.source_sha256, image.window) for image in listed}


@pytest.mark.libraries
def test_an_imported_release_keeps_its_places(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = ["--shares", "0.34,0.33,0.33", "--by", "scene", "--reassign"]
    assert root._run(["build", "split", str(scenes), *split], False) == 0
    with Workspace.open(scenes) as workspace:
        make_release(workspace, "1.0.0", tmp_path / "old")
        before = {place.filename: place for place in image_places(workspace)}
    other = tmp_path / "other"
    with Workspace.create(other, text_licence="CC-BY-4.0", image_licence="CC0-1.0") as workspace:
        set_image_size(workspace, 64)
    capsys.readouterr()
    assert root._run(["build", "import", str(other), str(tmp_path / "old")], False) == 0
    shown = capsys.readouterr()
    assert "places: 27 images with a place in a scene" in shown.out
    assert "images.csv" not in shown.err
    with Workspace.open(other) as workspace:
        after = {place.filename: place for place in image_places(workspace)}
    assert len(after) == 27
    for name, place in after.items():
        old = before[name]
        assert (place.window, place.footprint, place.gsd) == (old.window, old.footprint, old.gsd)
        assert place.scene is not None and old.scene is not None
        for key in ("sha256", "source", "crs", "acquired"):
            assert getattr(place.scene, key) == getattr(old.scene, key)
    # Now the tiles of a scene stay together, and a release of them says where they come from.
    assert root._run(["build", "split", str(other), *split], False) == 0
    with Workspace.open(other) as workspace:
        of_scene = {(p.scene.sha256, p.split) for p in image_places(workspace) if p.scene}
        make_release(workspace, "2.0.0", tmp_path / "new")
    assert len(of_scene) == 3
    assert of_sources(tmp_path / "new") == of_sources(tmp_path / "old")
    table = geopandas.read_parquet(tmp_path / "new" / "footprints.parquet")
    assert table.geometry.equals(
        geopandas.read_parquet(tmp_path / "old" / "footprints.parquet").geometry
    )
    items = json.loads((tmp_path / "new" / "stac.json").read_text(encoding="utf-8"))["features"]
    first = json.loads((tmp_path / "old" / "stac.json").read_text(encoding="utf-8"))["features"]
    times = [[item["properties"].get("end_datetime") for item in of] for of in (items, first)]
    assert times[0] == times[1] and times[0][0] is not None
    capsys.readouterr()
    assert root._run(["build", "where", str(other), next(iter(after)), "--json"], False) == 0
    scene = json.loads(capsys.readouterr().out)["scene"]
    assert [scene[key] for key in ("bytes", "width", "height", "bands")] == [None] * 4
    # What is known is not added again.
    assert root._run(["build", "import", str(other), str(tmp_path / "old")], False) == 0
    assert "places" not in capsys.readouterr().out
