"""Tiles of scenes: pixels, places, what is left out, and the same result every time."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
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
from rsitmd_tools.ingest.corrections import remove
from rsitmd_tools.ingest.image_size import set_image_size
from rsitmd_tools.ingest.plan import TileOptions
from rsitmd_tools.ingest.tiles import TileReport, ingest_tiles
from rsitmd_tools.ingest.windows import read_places
from rsitmd_tools.splitting import split
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.scenes import ImagePlace, image_places
from rsitmd_tools.workspace.sources import RACY_NS
from tests.contents import contents
from tests.ingest.scenes import CORNER, UTM, values, write_scene

SIZE = 64


def into(folder: Path, *sources: Path, size: int = SIZE, **given: Any) -> TileReport:
    outer = {name: given.pop(name) for name in ("workers", "category", "block") if name in given}
    with Workspace.create(folder) as workspace:
        set_image_size(workspace, size)
        options = TileOptions(**{"side": size, **given})
        return ingest_tiles(workspace, sources, options, **outer)


def places(folder: Path) -> list[ImagePlace]:
    with Workspace.open(folder) as workspace:
        return image_places(workspace)


def later(folder: Path) -> None:
    """Let time pass: a file that was written just before it was read is read again."""
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        db.execute("UPDATE source_file SET read_ns = read_ns + ?", (2 * RACY_NS,))


def pixels(folder: Path, filename: str) -> npt.NDArray[np.uint8]:
    with Image.open(folder / "images" / filename) as image:
        assert (image.format, image.mode) == ("TIFF", "RGB")
        return np.asarray(image)


def windows(folder: Path) -> list[tuple[int, ...]]:
    return [place.window for place in places(folder) if place.window is not None]


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


@pytest.mark.parametrize("side", [60, 80, 130])
def test_tiles_of_any_size_have_their_own_pixels_and_footprint(tmp_path: Path, side: int) -> None:
    """From four times the image size, a tile is read at a lower resolution."""
    data = values(300, 300)
    path = write_scene(tmp_path / "s" / "city.tif", data)
    report = into(tmp_path / "w", path.parent, size=16, side=side)
    starts = [*range(0, 300 - side, side), 300 - side]
    expected = [(column, row, side, side) for row in starts for column in starts]
    assert report.added == len(expected)
    assert windows(tmp_path / "w") == expected
    for place, window in zip(places(tmp_path / "w"), expected, strict=True):
        ground = mapping(box(*bounds(Window(*window), CORNER)))
        ground = shape(transform_geom(UTM, "EPSG:4326", ground))
        assert shape(place.footprint).symmetric_difference(ground).area < 1e-3 * ground.area
        column, row = window[:2]
        part = Image.fromarray(data[:, row : row + side, column : column + side].transpose(1, 2, 0))
        small = np.asarray(part.resize((16, 16), Image.Resampling.LANCZOS)).astype(float)
        assert np.abs(pixels(tmp_path / "w", place.filename) - small).mean() < 6


@pytest.mark.parametrize("side", [64, 150])
def test_invalid_pixels_stay_out_of_a_resized_tile(tmp_path: Path, side: int) -> None:
    data = np.full((1, 150, 150), 200, "uint8")
    data[:, :, 20:31] = 0
    data[:, ::9, ::7] = 0
    path = write_scene(tmp_path / "s" / "city.tif", data, nodata=0)
    into(tmp_path / "w", path, size=32, side=side, min_valid=0.0)
    assert places(tmp_path / "w")
    for place in places(tmp_path / "w"):
        assert set(np.unique(pixels(tmp_path / "w", place.filename))) <= {0, 200}


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


def test_sixteen_bits_are_stretched_by_the_whole_scene(tmp_path: Path) -> None:
    data = values(128, 128, 4, "uint16")
    data[:, :, 64:] += 20_000
    path = write_scene(tmp_path / "s.tif", data)
    into(tmp_path / "w", path, bands=BandOptions(bands=(4, 3, 2)))
    colours = data[[3, 2, 1]].astype(np.float64)
    low, high = np.percentile(colours, (2, 98))
    expected = (np.clip((colours - low) / (high - low), 0, 1) * 255).transpose(1, 2, 0)
    for place in places(tmp_path / "w"):
        assert place.window is not None and place.scene is not None
        column, row = place.window[:2]
        part = expected[row : row + 64, column : column + 64]
        found = pixels(tmp_path / "w", place.filename).astype(np.float64)
        assert np.abs(found - part).max() <= 1
        assert '"bands": [4, 3, 2]' in place.scene.bands
        assert str(round(low)) in place.scene.bands


def test_tiles_with_few_valid_pixels_are_left_out_and_counted(tmp_path: Path) -> None:
    data = values(64, 256)
    data[:, :, 64:128] = 0  # not valid
    data[:, 13:, 128:192] = 0  # a fifth is valid
    data[:, 60:, 192:] = 0  # 94 %
    path = write_scene(tmp_path / "s.tif", data, nodata=0)
    report = into(tmp_path / "w", path)
    assert (report.added, report.left_out) == (2, 2)
    assert windows(tmp_path / "w") == [(0, 0, 64, 64), (192, 0, 64, 64)]
    again = into(tmp_path / "w", path, min_valid=0.2)
    assert (again.added, again.known, again.left_out) == (1, 2, 1)
    assert (pixels(tmp_path / "w", places(tmp_path / "w")[2].filename)[13:] == 0).all()


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


def test_one_resolution_for_all_scenes(tmp_path: Path) -> None:
    fine = write_scene(tmp_path / "s" / "fine.tif", values(256, 256))
    coarse = CORNER @ CORNER.scale(2)
    write_scene(tmp_path / "s" / "coarse.tif", values(128, 128), transform=coarse)
    into(tmp_path / "w", fine.parent, gsd=4.0)
    found = {place.scene.source: place for place in places(tmp_path / "w") if place.scene}
    assert found["fine.tif"].window is not None and found["fine.tif"].window[2] == 128
    assert found["coarse.tif"].window is not None and found["coarse.tif"].window[2] == 64
    assert [place.gsd for place in places(tmp_path / "w")] == [4.0] * 8
    one, other = (shape(found[name].footprint).area for name in ("fine.tif", "coarse.tif"))
    assert one == pytest.approx(other, rel=1e-3)


def test_a_reduced_tile_is_the_average_of_its_pixels(tmp_path: Path) -> None:
    data = values(512, 512).astype(np.uint8)
    path = write_scene(tmp_path / "s.tif", data)
    into(tmp_path / "w", path, size=16, side=512)
    means = data.reshape(3, 16, 32, 16, 32).mean(axis=(2, 4)).transpose(1, 2, 0)
    (place,) = places(tmp_path / "w")
    assert np.abs(pixels(tmp_path / "w", place.filename) - means).mean() < 3


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


def test_the_resolution_of_a_polygon_is_that_of_the_scene(tmp_path: Path) -> None:
    """--gsd applies to points: a polygon has the size that it has."""
    scene = write_scene(tmp_path / "s.tif", values(300, 300))
    square = box(400_100, 4_999_720, 400_260, 4_999_880)  # 80 x 80 pixels of 2 m
    shapes = [mapping(square), {"type": "Point", "coordinates": [400_300, 4_999_700]}]
    features = [
        {"type": "Feature", "properties": {}, "geometry": transform_geom(UTM, "EPSG:4326", each)}
        for each in shapes
    ]
    grid = tmp_path / "g.geojson"
    grid.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    into(tmp_path / "w", scene, side=50, gsd=4.0, places=read_places(grid))
    found = {place.window[2]: place.gsd for place in places(tmp_path / "w") if place.window}
    assert found.keys() >= {100} and found.pop(100) == 4.0
    (own,) = found.values()
    assert own == pytest.approx(2.0, rel=1e-3)


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


def test_other_bands_are_other_tiles_of_the_same_place(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "s.tif", values(64, 64))
    into(tmp_path / "w", path)
    report = into(tmp_path / "w", path, bands=BandOptions(bands=(3, 2, 1)))
    assert (report.added, report.known, report.spatial_groups) == (1, 0, 1)
    first, second = places(tmp_path / "w")
    assert first.window == second.window and first.group == second.group == first.image_id
    turned = pixels(tmp_path / "w", first.filename)[:, :, ::-1]
    assert (pixels(tmp_path / "w", second.filename) == turned).all()


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


def test_rows_of_the_table_of_categories_without_a_scene_are_named(tmp_path: Path) -> None:
    write_scene(tmp_path / "src" / "a.tif", values(SIZE, SIZE))
    table = tmp_path / "categories.csv"
    table.write_text("file,category\na.tif,port\ngone.tif,port\n")
    report = into(tmp_path / "w", tmp_path / "src", category=FromTable(table))
    assert (report.added, report.unknown_files) == (1, ["gone.tif"])
