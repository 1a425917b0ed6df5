"""``build where`` and ``build export-footprints``: read back by geopandas and pystac."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import geopandas
import pystac
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.crs import CRS
from rasterio.warp import transform, transform_geom
from rasterio.windows import Window, bounds
from shapely.geometry import Point, box, mapping, shape

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.formats.images import ImageMode
from rsitmd_tools.formats.unpacked import image_files
from rsitmd_tools.ingest import ingest
from rsitmd_tools.ingest.importing import import_dataset
from rsitmd_tools.ingest.plan import TileOptions
from rsitmd_tools.ingest.scan import shown
from rsitmd_tools.ingest.tiles import ingest_tiles
from rsitmd_tools.ingest.where import export_footprints, where
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.readings import readings
from rsitmd_tools.workspace.scenes import image_places
from tests.command import rsitmd
from tests.ingest import tiling
from tests.ingest.rpcs import rational_polynomials
from tests.ingest.scenes import CORNER, values, write_scene

KEYS = ["image", "source", "window", "crs", "transform", "footprint", "gsd"]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "s"
    tags = {"TIFFTAG_DATETIME": "2019:09:11 11:57:46"}
    write_scene(folder / "north" / "scene.tif", values(64, 128), tags=tags)
    write_scene(folder / "south" / "scene.tif", values(64, 64), transform=CORNER @ CORNER.scale(2))
    return folder


@pytest.fixture
def tiled(tmp_path: Path, sources: Path) -> Path:
    with Workspace.create(tmp_path / "w") as workspace:
        ingest_tiles(workspace, [sources], TileOptions(64))
        photo = tmp_path / "p" / "photo_1.png"
        photo.parent.mkdir()
        Image.new("RGB", (40, 30), (9, 99, 9)).save(photo)
        ingest(workspace, [photo.parent])
    return tmp_path / "w"


def found(folder: Path, image: str) -> dict[str, Any]:
    with Workspace.open(folder) as workspace:
        return where(workspace, image)


def test_a_tile_knows_its_place(tiled: Path, sources: Path) -> None:
    place = found(tiled, "north_2.tif")
    path = sources / "north" / "scene.tif"
    with rasterio.open(path) as raster:
        transform = raster.window_transform(Window(64, 0, 64, 64))
    assert list(place)[:7] == KEYS
    assert place["source"] == str(path)
    assert (place["window"], place["crs"], place["gsd"]) == ([64, 0, 64, 64], "EPSG:32633", 2.0)
    assert place["transform"] == list(transform[:6])
    assert place["footprint"]["type"] == "Polygon"
    assert place["scene"]["path"] == "north/scene.tif"
    assert place["scene"]["acquired"] == "2019-09-11T11:57:46Z"
    assert place["scene"]["bytes"] == path.stat().st_size
    assert found(tiled, "some/folder/north_2.tif") == found(tiled, "north_2") == place


def test_a_geotiff_with_the_name_of_a_jpeg_knows_its_place(tmp_path: Path) -> None:
    named = tmp_path / "p" / "port_1.jpg"
    named.parent.mkdir()
    write_scene(tmp_path / "scene.tif", values(64, 64)).rename(named)
    with Workspace.create(tmp_path / "w") as workspace:
        ingest(workspace, [named.parent])
        place = where(workspace, "port_1")
    assert (place["crs"], place["window"]) == ("EPSG:32633", [0, 0, 64, 64])


@pytest.mark.parametrize("name", [b"a\xff.tif", b"b\xff.png"])
def test_a_file_whose_name_is_not_utf_8_knows_its_place(tmp_path: Path, name: bytes) -> None:
    driver = "PNG" if name.endswith(b".png") else "GTiff"
    written = write_scene(tmp_path / "scene", values(64, 64), driver=driver, photometric=None)
    file = tmp_path / "port" / os.fsdecode(name)
    file.parent.mkdir()
    written.rename(file)
    beside = tmp_path / "scene.aux.xml"
    if beside.is_file():
        beside.rename(f"{file}.aux.xml")
    with Workspace.create(tmp_path / "w") as workspace:
        ingest(workspace, [file.parent])
        place = where(workspace, "port_1")
    assert (place["crs"], place["window"], place["gsd"]) == ("EPSG:32633", [0, 0, 64, 64], 2.0)
    assert place["scene"]["path"] == shown(file.name)


def test_an_imported_file_whose_path_is_not_utf_8_knows_its_place(tmp_path: Path) -> None:
    written = tmp_path / "d"  # GDAL writes no file with another path
    write_scene(written / "images" / "port_1.tif", values(64, 64))
    line = {"filename": "port_1.tif", "captions": ["A port."], "category": "port"}
    (written / "captions.jsonl").write_text(json.dumps(line))
    folder = written.rename(tmp_path / os.fsdecode(b"d\xff"))
    with Workspace.create(tmp_path / "w") as workspace:
        report = import_dataset(workspace, load_dataset(folder))
        place = where(workspace, "port_1")
    assert report.dataset == r"d\xff"
    assert (place["crs"], place["window"], place["gsd"]) == ("EPSG:32633", [0, 0, 64, 64], 2.0)


def test_an_image_without_a_georeference_has_a_window(tiled: Path) -> None:
    place = found(tiled, "photo_1.tif")
    assert place["window"] == [5, 0, 30, 30]
    assert [place[key] for key in ("crs", "transform", "footprint", "gsd", "scene")] == [None] * 5


def test_an_unknown_image_is_said(tiled: Path) -> None:
    with pytest.raises(RsitmdError, match=r"has no image 'x_1\.tif'"):
        found(tiled, "x_1.tif")


def test_a_geotiff_that_is_one_image_has_its_centred_square(tmp_path: Path, sources: Path) -> None:
    with Workspace.create(tmp_path / "v") as workspace:
        ingest(workspace, [sources])
        place = where(workspace, "north_1.tif")
        before = [tuple(row) for row in workspace.db.execute("SELECT * FROM place")]
        ingest(workspace, [sources])
        assert [tuple(row) for row in workspace.db.execute("SELECT * FROM place")] == before
    assert (place["window"], place["gsd"]) == ([32, 0, 64, 64], 2.0)
    assert place["transform"] == [2.0, 0.0, CORNER.c + 64, 0.0, -2.0, CORNER.f]
    assert place["scene"]["path"] == "north/scene.tif"
    # The sides of two squares of 64 pixels, 2 m and 4 m.
    areas = [
        shape(found(tmp_path / "v", f"{n}_1.tif")["footprint"]).area for n in ("north", "south")
    ]
    assert areas[1] / areas[0] == pytest.approx(4, rel=0.01)


def test_a_whole_raster_has_the_bands_and_values_that_were_used(tmp_path: Path) -> None:
    deep = values(64, 64).astype("uint16") * 10
    write_scene(tmp_path / "s" / "a.tif", deep)
    with Workspace.create(tmp_path / "v") as workspace:
        ingest(workspace, [tmp_path / "s"])
        (reading,) = readings(workspace.db).values()
        (name,) = (path.name for path in workspace.images.iterdir())
        used = where(workspace, name)["scene"]["bands"]
    assert reading.limits is not None
    assert (used["bands"], used["applied"]) == (list(reading.bands), list(reading.limits))


def check_place(folder: Path, image: str, source: Path) -> None:
    """Compare a place with rasterio's own reading of the source, 96 x 64 pixels."""
    place = found(folder, image)
    with rasterio.open(source) as raster:
        ground = mapping(box(*bounds(Window(16, 0, 64, 64), raster.transform)))
        ground = shape(transform_geom(raster.crs, "EPSG:4326", ground))
    assert (place["window"], place["gsd"]) == ([16, 0, 64, 64], 2.0)
    assert (place["scene"]["width"], place["crs"]) == (96, "EPSG:32633")
    assert shape(place["footprint"]).symmetric_difference(ground).area < 1e-3 * ground.area


@pytest.mark.parametrize("suffix", [".cog", ".gtif", ".btf", ".tf8", ".jpx", ".jpf", ".JPX"])
def test_rasters_of_every_suffix_have_a_place(tmp_path: Path, suffix: str) -> None:
    driver = "JP2OpenJPEG" if suffix.lower().startswith(".jp") else "GTiff"
    file = write_scene(tmp_path / "s" / f"a{suffix}", values(64, 96), driver=driver)
    with Workspace.create(tmp_path / "w") as workspace:
        assert ingest(workspace, [file.parent]).added == 1
    check_place(tmp_path / "w", "s_1.tif", file)
    assert found(tmp_path / "w", "s_1.tif")["scene"]["path"] == file.name


@pytest.mark.parametrize(
    ("suffix", "driver"), [(".png", "PNG"), (".jpg", "JPEG"), (".JPEG", "JPEG"), (".webp", "WEBP")]
)
def test_pictures_with_coordinates_beside_them_have_a_place(
    tmp_path: Path, suffix: str, driver: str
) -> None:
    file = write_scene(
        tmp_path / "s" / f"a{suffix}", values(64, 96), driver=driver, photometric=None
    )
    assert file.with_name(f"a{suffix}.aux.xml").is_file()
    with Workspace.create(tmp_path / "w") as workspace:
        assert ingest(workspace, [file.parent]).added == 1
    check_place(tmp_path / "w", "s_1.tif", file)


def test_a_world_file_alone_has_no_crs_and_gives_no_place(tmp_path: Path) -> None:
    file = tmp_path / "s" / "a.png"
    file.parent.mkdir()
    Image.new("RGB", (96, 64)).save(file)
    file.with_suffix(".pgw").write_text("2\n0\n0\n-2\n400001\n4999999\n")
    with Workspace.create(tmp_path / "w") as workspace:
        assert ingest(workspace, [file.parent]).added == 1
    assert found(tmp_path / "w", "s_1")["scene"] is None


def captioned(tmp_path: Path, *names: str) -> Path:
    """Write a dataset of georeferenced images that are equal, beside one that is not."""
    folder = tmp_path / "old"
    records = [ImageRecord(name, (Sentence("A pier."),), split="train") for name in names]
    save_dataset(Dataset("Old", tuple(records), folder, "rsitmd"), folder, "rsitmd")
    for name in names:
        write_scene(folder / "images" / name, values(64, 96))
    Image.new("RGB", (96, 64)).save(folder / "images" / names[-1])
    return folder


def test_imported_images_have_a_place(tmp_path: Path) -> None:
    folder = captioned(tmp_path, "port_1.tif", "port_2.tif", "port_3.tif")
    with Workspace.create(tmp_path / "w") as workspace:
        for _ in range(2):
            import_dataset(workspace, load_dataset(folder))
            rows = [tuple(row) for row in workspace.db.execute("SELECT * FROM place")]
            assert len(rows) == 2
        spatial = [place.group for place in image_places(workspace)]
    for image in ("port_1.tif", "port_2.tif"):  # of equal files, each has its place
        check_place(tmp_path / "w", image, folder / "images" / image)
        assert found(tmp_path / "w", image)["source"] == str(folder / "images" / image)
    assert spatial == [1, 1, None]
    assert found(tmp_path / "w", "port_3.tif")["scene"] is None


def test_imported_images_of_tar_files_have_a_place(tmp_path: Path) -> None:
    folder = captioned(tmp_path, "port_1.tif", "port_2.tif")
    save_dataset(load_dataset(folder), tmp_path / "shards", "webdataset", images=ImageMode("copy"))
    with (
        Workspace.create(tmp_path / "w") as workspace,
        image_files(load_dataset(tmp_path / "shards")) as data,
    ):
        assert import_dataset(workspace, data).files.added == 2
    place = found(tmp_path / "w", "port_1.tif")
    check_place(tmp_path / "w", "port_1.tif", folder / "images" / "port_1.tif")
    assert "shards" in place["source"] and place["source"].endswith(".tar/port_1.tif")


@pytest.mark.parametrize("name", ["f.geojson", "f.parquet", "f.json"])
def test_footprints_are_read_back(tiled: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    with Workspace.open(tiled) as workspace:
        assert export_footprints(workspace, target) == (3, 1)
        first = target.read_bytes()
        export_footprints(workspace, target)
        assert target.read_bytes() == first
    read = geopandas.read_parquet if name.endswith("parquet") else geopandas.read_file
    frame = read(target)
    assert frame.crs == "EPSG:4326" and len(frame) == 3
    column = "rsitmd:image" if name == "f.json" else "image"
    assert list(frame[column]) == ["north_1.tif", "north_2.tif", "south_1.tif"]
    for image, geometry in zip(frame[column], frame.geometry, strict=True):
        assert geometry.equals(shape(found(tiled, image)["footprint"]))


def test_stac_items_are_valid(tiled: Path, tmp_path: Path) -> None:
    target = tiled / "items.json"
    with Workspace.open(tiled) as workspace:
        export_footprints(workspace, target)
    items = pystac.ItemCollection.from_file(str(target))
    assert [item.id for item in items] == ["north_1", "north_2", "south_1"]
    north, _, south = items
    assert north.datetime is not None and north.datetime.isoformat() == "2019-09-11T11:57:46+00:00"
    assert south.datetime is None and south.properties["start_datetime"] < "1970-01-02"
    assert north.properties["gsd"] == 2.0 and north.properties["proj:code"] == "EPSG:32633"
    assert (tiled / north.assets["image"].href).is_file()
    with Image.open(tiled / north.assets["image"].href) as image:
        assert north.properties["proj:shape"] == [image.height, image.width]
    place = Affine(*north.properties["proj:transform"])
    corners = [place @ corner for corner in ((0, 0), image.size)]
    own = found(tiled, "north_1.tif")
    window = Affine(*own["transform"])
    assert corners == [window @ corner for corner in ((0, 0), own["window"][2:])]
    with Workspace.open(tiled) as workspace:
        export_footprints(workspace, tmp_path / "elsewhere.json")
    (first, *_) = pystac.ItemCollection.from_file(str(tmp_path / "elsewhere.json"))
    assert (tmp_path / first.assets["image"].href).is_file()
    west, south_, east, north_ = north.bbox or []
    assert shape(north.geometry).bounds == (west, south_, east, north_)


def test_a_world_file_gives_a_scene_with_rpcs_no_transform(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "s" / "port" / "a.tif", values(64, 64), crs=None, transform=None)
    with rasterio.open(path, "r+") as raster:
        raster.rpcs = rational_polynomials(13.0, 45.0)
    path.with_suffix(".tfw").write_text("2\n0\n0\n-2\n400001\n4999999\n")
    tiling.into(tmp_path / "w", tmp_path / "s")
    with Workspace.open(tmp_path / "w") as workspace:
        found = where(workspace, "port_1.tif")
        export_footprints(workspace, tmp_path / "items.json")
    assert (found["crs"], found["transform"]) == ("EPSG:4326", None)
    (item,) = pystac.ItemCollection.from_file(str(tmp_path / "items.json"))
    assert shape(item.geometry).contains(Point(13.0, 45.0))
    assert "proj:transform" not in item.properties


def test_a_stac_item_has_the_crs_of_its_transform_without_an_epsg_code(tmp_path: Path) -> None:
    own = CRS.from_proj4("+proj=laea +lat_0=10 +lon_0=20 +datum=WGS84 +units=m")
    write_scene(tmp_path / "s" / "port" / "a.tif", values(64, 64), crs=own)
    tiling.into(tmp_path / "w", tmp_path / "s")
    with Workspace.open(tmp_path / "w") as workspace:
        export_footprints(workspace, tmp_path / "items.json")
    (item,) = pystac.ItemCollection.from_file(str(tmp_path / "items.json"))
    assert item.properties["proj:code"] is None
    assert item.properties["proj:wkt2"].startswith("PROJCRS[")
    assert CRS.from_user_input(item.properties["proj:wkt2"]) == own
    # The transform and this CRS lead to the footprint.
    corners = [Affine(*item.properties["proj:transform"]) @ c for c in ((0, 0), (64, 64))]
    (west, south, east, north) = shape(item.geometry).bounds
    lons, lats = transform(item.properties["proj:wkt2"], "EPSG:4326", *zip(*corners, strict=True))
    assert west - 1e-6 <= min(lons) and max(lons) <= east + 1e-6
    assert south - 1e-6 <= min(lats) and max(lats) <= north + 1e-6


def test_what_cannot_be_exported_is_said(tiled: Path, tmp_path: Path) -> None:
    with Workspace.open(tiled) as workspace:
        with pytest.raises(WrongUsage, match=r"\.geojson, \.parquet \(GeoParquet\) or \.json"):
            export_footprints(workspace, tmp_path / "f.shp")
        with pytest.raises(RsitmdError, match="cannot be written"):
            export_footprints(workspace, tmp_path / "p" / "photo_1.png" / "f.geojson")
    with (
        Workspace.create(tmp_path / "empty") as workspace,
        pytest.raises(RsitmdError, match="no image has a footprint"),
    ):
        export_footprints(workspace, tmp_path / "f.geojson")


def test_the_commands_print_and_write(tiled: Path, tmp_path: Path, sources: Path) -> None:
    shown = rsitmd("build", "where", tiled, "north_2.tif")
    assert shown.stdout.splitlines()[:3] == [
        "north_2.tif: from north/scene.tif",
        "window: column 64, row 0, 64 x 64 pixels",
        "ground sample distance: 2 m",
    ]
    document = json.loads(rsitmd("build", "where", tiled, "north_2.tif", "--json").stdout)
    assert document == found(tiled, "north_2.tif")
    done = rsitmd("build", "export-footprints", tiled, "-o", tmp_path / "f.geojson")
    assert done.stdout == f"{tmp_path / 'f.geojson'}: 3 footprints\n"
    assert done.stderr == "note: 1 image without a footprint\n"
    for option, needed in (("--stride", "--tile"), ("--min-valid", "--tile or --grid-of")):
        missing = rsitmd("build", "ingest", tiled, sources, option, "1")
        error = f"error: {option} requires {needed}; use --tile SIZE\n"
        assert (missing.returncode, missing.stderr) == (2, error)
    again = rsitmd("build", "ingest", tiled, sources, "--tile", "64", "--block", "1km", "--json")
    report = json.loads(again.stdout)
    assert (report["known"], report["added"], report["scenes"]) == (3, 0, 2)
    assert report["overlapping"] == 3
