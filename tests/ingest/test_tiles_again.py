"""A second tiling: what is known, and what counts as another scene."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.imaging.options import BandOptions
from rsitmd_tools.ingest import plan as planning
from rsitmd_tools.ingest.corrections import remove
from rsitmd_tools.ingest.plan import TileOptions
from rsitmd_tools.ingest.tiles import ingest_tiles
from rsitmd_tools.splitting import split
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.scenes import image_places
from tests.contents import contents
from tests.ingest.scenes import values, write_scene
from tests.ingest.tiling import SIZE, into, later, pixels, places


def test_a_scene_that_was_replaced_with_the_old_size_and_time_is_another_one(
    tmp_path: Path,
) -> None:
    """As `cp -p` and `rsync -a` do it."""
    path, when = tmp_path / "s" / "city.tif", 1_700_000_000
    first, second = values(128, 128), values(128, 128)[:, ::-1]
    write_scene(path, first)
    os.utime(path, (when, when))
    assert into(tmp_path / "w", path.parent).added == 4
    later(tmp_path / "w")
    assert into(tmp_path / "w", path.parent).known == 4
    later(tmp_path / "w")
    size = path.stat().st_size
    write_scene(path, second)
    os.utime(path, (when, when))
    assert path.stat().st_size == size
    report = into(tmp_path / "w", path.parent)
    assert (report.added, report.known) == (4, 0)
    scenes = {place.scene.sha256 for place in places(tmp_path / "w") if place.scene is not None}
    assert len(scenes) == 2
    assert hashlib.sha256(path.read_bytes()).hexdigest() in scenes


@pytest.mark.parametrize("tiled", [False, True])
def test_the_result_depends_neither_on_the_workers_nor_on_a_second_run(
    tmp_path: Path, tiled: bool
) -> None:
    layout = {"tiled": True, "blockxsize": 64, "blockysize": 64} if tiled else {}
    source = tmp_path / "s"
    write_scene(source / "a.tif", values(300, 640), compress="deflate", **layout)
    write_scene(source / "b.tif", values(200, 200, 4, "uint16"), **layout)
    (source / "c.tif").write_bytes(b"damaged")
    report = into(tmp_path / "one", source, workers=1, stride=48)
    assert (report.added, report.scenes, len(report.rejected)) == (13 * 6 + 16, 2, 1)
    before = contents(tmp_path / "one")
    into(tmp_path / "two", source, workers=2, stride=48)
    assert contents(tmp_path / "two") == before
    again = into(tmp_path / "one", source, source, stride=48)
    assert (again.added, again.known) == (0, 2 * report.added)
    assert contents(tmp_path / "one") == before


def test_a_missing_image_is_written_again(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "s.tif", values(64, 128))
    into(tmp_path / "w", path)
    before = contents(tmp_path / "w")
    (tmp_path / "w" / "images" / places(tmp_path / "w")[1].filename).unlink()
    report = into(tmp_path / "w", path)
    assert (report.added, report.known, report.restored) == (0, 2, 1)
    assert contents(tmp_path / "w") == before


def test_a_known_scene_is_not_hashed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_scene(tmp_path / "s.tif", values(64, 64))
    into(tmp_path / "w", path)
    later(tmp_path / "w")
    with monkeypatch.context() as patched:
        patched.setattr(planning, "sha256_file", lambda path: pytest.fail("read again"))
        assert into(tmp_path / "w", path).known == 1
    os.utime(path, ns=(1, 1))
    assert into(tmp_path / "w", path).known == 1  # the content decides


def test_new_tiles_on_the_ground_of_a_removed_one_get_its_split(tmp_path: Path) -> None:
    first = write_scene(tmp_path / "one" / "s.tif", values(128, 512))
    later = write_scene(tmp_path / "two" / "s.tif", 255 - values(128, 512))
    into(tmp_path / "w", first)
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        split(workspace, {"train": 0.5, "val": 0.0, "test": 0.5}, seed=0)
        before = {place.filename: place for place in image_places(workspace)}
        gone = [name for name, place in before.items() if place.split == "test"]
        remove(workspace, gone, "clouds")
        ingest_tiles(workspace, [later], TileOptions(side=SIZE))
        split(workspace, {"train": 0.5, "val": 0.0, "test": 0.5}, seed=0)
        new = [place for place in image_places(workspace) if place.filename not in before]
    home = {before[name].window: before[name].split for name in before}
    assert len(gone) > 3 and len(new) == len(before)
    assert all(place.split == home[place.window] for place in new)


def test_other_bands_are_other_tiles_of_the_same_place(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "s.tif", values(64, 64))
    into(tmp_path / "w", path)
    report = into(tmp_path / "w", path, bands=BandOptions(bands=(3, 2, 1)))
    assert (report.added, report.known, report.spatial_groups) == (1, 0, 1)
    first, second = places(tmp_path / "w")
    assert first.window == second.window and first.group == second.group == first.image_id
    turned = pixels(tmp_path / "w", first.filename)[:, :, ::-1]
    assert (pixels(tmp_path / "w", second.filename) == turned).all()


@pytest.mark.parametrize(
    "bands",
    [
        BandOptions(percentiles=(1.0, 99.0)),
        BandOptions(bands=(1, 2, 3)),
        BandOptions(value_range=(0.0, 255.0)),
    ],
    ids=["percentiles", "bands", "range"],
)
def test_settings_that_change_no_pixel_add_no_tile(tmp_path: Path, bands: BandOptions) -> None:
    path = write_scene(tmp_path / "s.tif", values(SIZE, 3 * SIZE))
    into(tmp_path / "w", path)
    before = [place.filename for place in places(tmp_path / "w")]
    (tmp_path / "w" / "images" / before[1]).unlink()
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        remove(workspace, before[:1], "clouds")
    report = into(tmp_path / "w", path, bands=bands)
    assert (report.added, report.known, report.removed, report.restored) == (0, 2, 1, 1)
    assert [place.filename for place in places(tmp_path / "w")] == before[1:]


def test_a_vrt_whose_sources_changed_is_another_scene(tmp_path: Path) -> None:
    data = values(64, 64)
    path = write_scene(tmp_path / "s" / "a.tif", data)
    vrt = path.with_name("s.vrt")
    bands = "".join(
        f"<VRTRasterBand dataType='Byte' band='{band}'><SimpleSource>"
        f"<SourceFilename relativeToVRT='1'>a.tif</SourceFilename><SourceBand>{band}</SourceBand>"
        "</SimpleSource></VRTRasterBand>"
        for band in (1, 2, 3)
    )
    vrt.write_text(f"<VRTDataset rasterXSize='64' rasterYSize='64'>{bands}</VRTDataset>")
    assert into(tmp_path / "w", vrt).added == 1
    again = into(tmp_path / "w", vrt)
    assert (again.added, again.known) == (0, 1)
    write_scene(path, data[:, ::-1])
    changed = into(tmp_path / "w", vrt)
    assert (changed.added, changed.known) == (1, 0)


def test_a_scene_whose_mask_changed_is_another_scene(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "s.tif", values(64, 64))
    assert into(tmp_path / "w", path).added == 1
    beside = path.with_name("s.tif.msk")
    for covered in (2, 4):
        valid = np.full((1, 64, 64), 255, np.uint8)
        valid[:, :, :covered] = 0
        write_scene(beside, valid, tags={"INTERNAL_MASK_FLAGS_1": "2"})
        report = into(tmp_path / "w", path)
        assert (report.added, report.known) == (1, 0)
        again = into(tmp_path / "w", path)
        assert (again.added, again.known) == (0, 1)
    black = pixels(tmp_path / "w", places(tmp_path / "w")[-1].filename)[:, :4]
    assert (black == 0).all()


def test_a_scene_that_changed_names_its_earlier_tiles(tmp_path: Path) -> None:
    data = values(96, 64)
    scene = write_scene(tmp_path / "s" / "port" / "a.tif", data)
    assert into(tmp_path / "w", tmp_path / "s").outdated == []
    # Other bands are other tiles of the same content.
    other = into(tmp_path / "w", tmp_path / "s", bands=BandOptions(bands=(3, 2, 1)))
    assert other.added and other.outdated == []
    earlier = len(places(tmp_path / "w"))
    write_scene(scene, 255 - data)
    report = into(tmp_path / "w", tmp_path / "s")
    assert report.added and len(report.outdated) == earlier
    assert {source for source, _ in report.outdated} == {str(scene.resolve())}


def test_the_command_names_one_of_the_earlier_tiles(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w").close()
    words = ["build", "ingest", str(tmp_path / "w"), str(tmp_path / "s"), "--tile", "32"]
    for data in (values(32, 32), 255 - values(32, 32)):
        write_scene(tmp_path / "s" / "port" / "a.tif", data)
        done = CliRunner().invoke(root.cli, [*words, "--resize", "32"])
    assert (
        "note: 1 file changed after an earlier ingest; the dataset keeps 1 image of the earlier"
        f" content, such as port_1.tif of {tmp_path / 's' / 'port' / 'a.tif'};"
    ) in done.stderr


def test_a_scene_whose_coordinates_changed_beside_it_is_noted(tmp_path: Path) -> None:
    scene = tmp_path / "s" / "port" / "a.png"
    scene.parent.mkdir(parents=True)
    Image.fromarray(values(64, 64).transpose(1, 2, 0)).save(scene)
    beside = scene.with_name("a.png.aux.xml")
    for north in (5_000_000, 6_000_000):
        beside.write_text(
            "<PAMDataset><SRS>EPSG:32633</SRS>"
            f"<GeoTransform>400000,2,0,{north},0,-2</GeoTransform></PAMDataset>"
        )
        for again in (False, True):
            report = into(tmp_path / "w", tmp_path / "s")
            assert report.added == (north == 5_000_000 and not again)
            notes = [text for _, text in report.notes if "coordinates changed" in text]
            assert len(notes) == (north == 6_000_000)
