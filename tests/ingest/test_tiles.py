"""Tiles of scenes: pixels, places, what is left out, and the same result every time."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rasterio
from PIL import Image
from rasterio.warp import transform_geom
from rasterio.windows import Window, bounds
from shapely.geometry import box, mapping, shape

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.imaging.options import BandOptions
from rsitmd_tools.imaging.tiff import ORIENTATION
from rsitmd_tools.ingest import cut as cutting
from rsitmd_tools.ingest import plan as planning
from rsitmd_tools.ingest.categories import FromTable
from rsitmd_tools.ingest.image_size import set_image_size
from rsitmd_tools.ingest.plan import Source, TileOptions
from rsitmd_tools.ingest.windows import read_places
from rsitmd_tools.workspace import Workspace
from tests.contents import contents
from tests.ingest.scenes import CORNER, UTM, values, write_scene
from tests.ingest.tiling import SIZE, into, pixels, places, windows


@pytest.mark.parametrize(
    ("name", "count"), [("OSBS_029.tif", 4), ("2019_YELL_2_541000_4977000_image_crop.png", 25)]
)
def test_tiles_of_real_scenes_agree_with_rasterio(
    tmp_path: Path, shared_data: Path, name: str, count: int
) -> None:
    path = shared_data / "scenes" / name
    report = into(tmp_path / "w", path, size=256)
    assert (report.added, report.left_out, report.scenes) == (count, 0, 1)
    with rasterio.open(path) as raster:
        for place in places(tmp_path / "w"):
            assert place.window is not None and place.scene is not None
            window = Window(*place.window)
            expected = raster.read([1, 2, 3], window=window)
            # The nodata value counts where all bands have it.
            expected *= ~(expected == raster.nodata).all(axis=0)
            found = pixels(tmp_path / "w", place.filename)
            assert (found == expected.transpose(1, 2, 0)).all()
            assert (place.scene.source, place.scene.width) == (name, raster.width)
            if raster.crs is None:
                assert (place.footprint, place.gsd, place.scene.crs) == (None, None, None)
                continue
            ground = mapping(box(*bounds(window, raster.transform)))
            ground = shape(transform_geom(raster.crs, "EPSG:4326", ground))
            difference = shape(place.footprint).symmetric_difference(ground).area
            assert difference < 1e-3 * ground.area
            assert (place.gsd, place.scene.crs) == (pytest.approx(0.1), "EPSG:32617")
            assert place.scene.transform == tuple(raster.transform[:6])


def test_edges_are_reached_by_a_shift_and_numbered_from_the_upper_left(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "s" / "city.tif", values(100, 150))
    report = into(tmp_path / "w", path.parent, category="city")
    assert report.added == 6
    assert windows(tmp_path / "w") == [
        (column, row, 64, 64) for row in (0, 36) for column in (0, 64, 86)
    ]
    assert [place.filename for place in places(tmp_path / "w")] == [
        f"city_{number}.tif" for number in range(1, 7)
    ]


def test_tiles_above_a_damaged_block_stay_and_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "s" / "city.tif"
    options = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}
    write_scene(path, values(256, 256), **options)
    with rasterio.open(path) as raster:
        offset = int(raster.get_tag_item("BLOCK_OFFSET_1_2", "TIFF", bidx=1))
    with path.open("r+b") as stream:
        stream.seek(offset)
        stream.write(b"damaged!" * 8)
    report = into(tmp_path / "w", path, workers=1)
    assert 0 < report.added < 16
    ((_, problem),) = report.rejected
    assert problem.endswith(f"; {report.added} tiles read before stay")
    assert report.scenes == 1
    assert len(places(tmp_path / "w")) == report.added


def test_tiles_at_given_places(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "s.tif", values(200, 300))
    into(tmp_path / "first", scene)
    with Workspace.open(tmp_path / "first") as workspace:
        from rsitmd_tools.ingest.where import export_footprints

        export_footprints(workspace, tmp_path / "grid.geojson")
    report = into(tmp_path / "w", scene, side=None, places=read_places(tmp_path / "grid.geojson"))
    assert (report.added, report.outside) == (20, 0)
    assert windows(tmp_path / "w") == windows(tmp_path / "first")
    elsewhere = write_scene(
        tmp_path / "other.tif", values(200, 300), transform=CORNER @ CORNER.translation(5000, 0)
    )
    report = into(
        tmp_path / "v", elsewhere, side=None, places=read_places(tmp_path / "grid.geojson")
    )
    assert (report.added, report.outside) == (0, 20)


def refused(tmp_path: Path, path: Path, **given: Any) -> str:
    report = into(tmp_path / "w", path, **given)
    assert report.added == 0
    ((source, reason),) = report.rejected
    assert source == str(path)
    with Workspace.open(tmp_path / "w") as workspace:
        assert list(workspace.images.iterdir()) == []
    return reason


def test_scenes_that_cannot_be_cut_are_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = write_scene(tmp_path / "a.tif", values(40, 200))
    assert "is 200 x 40, smaller than a tile of 64 x 64" in refused(tmp_path, small)
    nowhere = write_scene(tmp_path / "b.tif", values(64, 64), crs=None, transform=None)
    assert "--gsd cannot be applied" in refused(tmp_path, nowhere, gsd=1.0)
    fine = write_scene(tmp_path / "fine" / "s.tif", values(64, 64))
    said = refused(tmp_path, fine, gsd=0.1)
    assert "a tile of 64 pixels at --gsd 0.1 would have only 3 x 3 of them" in said
    (tmp_path / "p.geojson").write_text('{"type": "Point", "coordinates": [1, 2]}')
    given = read_places(tmp_path / "p.geojson")
    assert "has no georeference, so the given places cannot be located in it" in refused(
        tmp_path, nowhere, places=given
    )
    empty = tmp_path / "c.tif"
    empty.write_bytes(b"")
    assert refused(tmp_path, empty)
    numbers = write_scene(tmp_path / "d.tif", values(64, 64).astype("complex64"), photometric=None)
    assert "complex" in refused(tmp_path, numbers)
    monkeypatch.setattr(planning, "MAX_SCENE_PIXELS", 4000)
    assert "gigapixels" in refused(tmp_path, write_scene(tmp_path / "e.tif", values(64, 64)))


@pytest.mark.parametrize("name", ["a.tif", "a.jpg", "a.png", "a.webp"])
def test_a_scene_that_is_stored_turned_is_refused(tmp_path: Path, name: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    picture = Image.fromarray(values(64, 96).transpose(1, 2, 0))
    picture.save(tmp_path / name, exif=exif)
    reason = refused(tmp_path, tmp_path / name)
    assert reason.startswith("has an orientation tag, so its pixels are stored turned")
    assert "save it upright first" in reason
    exif[ORIENTATION] = 1
    picture.save(tmp_path / name, exif=exif)
    assert into(tmp_path / "w", tmp_path / name).added == 2


def test_the_coordinates_of_a_scene_say_what_is_up(tmp_path: Path) -> None:
    data = values(64, 96)
    path = write_scene(tmp_path / "s.tif", data)
    turn(path, 6)
    with Image.open(path) as image:
        assert image.getexif()[ORIENTATION] == 6
    assert into(tmp_path / "w", path).added == 2
    for place in places(tmp_path / "w"):
        assert place.window is not None
        column = place.window[0]
        found = pixels(tmp_path / "w", place.filename)
        assert (found == data[:, :, column : column + 64].transpose(1, 2, 0)).all()
        ground = mapping(box(*bounds(Window(*place.window), CORNER)))
        ground = shape(transform_geom(UTM, "EPSG:4326", ground))
        difference = shape(place.footprint).symmetric_difference(ground).area
        assert difference < 1e-3 * ground.area


def turn(path: Path, orientation: int) -> None:
    """Set the orientation of a TIFF, by a new directory at its end."""
    data = bytearray(path.read_bytes())
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    entries = [bytes(data[at + 2 + 12 * n : at + 14 + 12 * n]) for n in range(count)]
    new = struct.pack("<HHIHH", ORIENTATION, 3, 1, orientation, 0)
    entries = sorted([*entries, new], key=lambda entry: struct.unpack_from("<H", entry))
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    data[4:8] = struct.pack("<I", len(data))
    path.write_bytes(bytes(data) + directory)


def test_a_truncated_scene_gives_what_can_be_read_and_is_reported(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "s.tif", values(256, 256))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    report = into(tmp_path / "w", path, workers=1)
    assert len(report.rejected) == 1
    before = contents(tmp_path / "w")
    into(tmp_path / "v", path, workers=2)
    assert contents(tmp_path / "v") == before


def test_a_scene_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_scene(tmp_path / "s.tif", values(64, 64))
    encode = cutting.encode_tiff

    def change(image: Image.Image) -> bytes:
        os.utime(path)
        return encode(image)

    monkeypatch.setattr(cutting, "encode_tiff", change)
    assert "changed while it was read" in refused(tmp_path, path)


@pytest.mark.parametrize("changed", ["mask", "new mask", "source"])
def test_files_beside_a_scene_that_change_before_it_is_cut(tmp_path: Path, changed: str) -> None:
    path = write_scene(tmp_path / "s.tif", values(64, 64, 1))
    mask = tmp_path / "s.tif.msk"
    if changed == "mask":
        write_scene(mask, values(64, 64, 1), crs=None)
    if changed == "source":
        path = tmp_path / "s.vrt"
        path.write_text(
            "<VRTDataset rasterXSize='64' rasterYSize='64'><VRTRasterBand dataType='Byte' band='1'>"
            "<SimpleSource><SourceFilename relativeToVRT='1'>s.tif</SourceFilename>"
            "</SimpleSource></VRTRasterBand></VRTDataset>"
        )
    plan = planning.plan_scene(Source(path, path.name, "x"), TileOptions(64), {}, frozenset())
    assert plan.scene is not None

    def cut_again() -> cutting.Cut:
        assert plan.scene is not None
        strip = cutting.Strip(0, path, plan.scene, BandOptions(), None, plan.strips[0])
        return cutting.cut(replace(strip, others=plan.others), tmp_path, SIZE, 0.0)

    assert cut_again().problem is None
    write_scene(tmp_path / "s.tif" if changed == "source" else mask, values(64, 64, 1) // 2)
    assert cut_again() == cutting.Cut(problem=planning.CHANGED)


def test_a_full_disk_is_said_and_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_scene(tmp_path / "s.tif", values(64, 128))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RsitmdError, match=r"no space left on device.*free some space"):
        into(tmp_path / "w", path)
    monkeypatch.undo()
    assert list((tmp_path / "w" / "images").iterdir()) == []
    assert into(tmp_path / "w", path).added == 2


def test_the_size_of_the_images_is_set_once(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "s.tif", values(64, 64))
    into(tmp_path / "w", path, size=32)
    text = (tmp_path / "w" / "rsitmd.toml").read_text()
    assert "\nimage_size = 32 " in text
    with pytest.raises(RsitmdError, match="image_size is 32, so --resize 64 cannot be applied"):
        into(tmp_path / "w", path, size=64)


@pytest.mark.parametrize("text", ["", "[dataset]\nname = 'x'\n", "[split]\nseed = 3\n"])
def test_the_size_is_added_to_settings_without_it(tmp_path: Path, text: str) -> None:
    Workspace.create(tmp_path / "w").close()
    (tmp_path / "w" / "rsitmd.toml").write_text(text)
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        before = workspace.settings
        set_image_size(workspace, 32)
        assert workspace.settings.dataset.image_size == 32
        assert workspace.settings.split == before.split
        assert workspace.settings.dataset.name == before.dataset.name


def test_rows_of_the_table_of_categories_without_a_scene_are_named(tmp_path: Path) -> None:
    write_scene(tmp_path / "src" / "a.tif", values(SIZE, SIZE))
    table = tmp_path / "categories.csv"
    table.write_text("file,category\na.tif,port\ngone.tif,port\n")
    report = into(tmp_path / "w", tmp_path / "src", category=FromTable(table))
    assert (report.added, report.unknown_files) == (1, ["gone.tif"])
