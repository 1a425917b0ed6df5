"""VRT files read their own folder only, and GDAL never opens a connection."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rsitmd_tools.imaging.decode import decode_file
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.raster import open_raster
from rsitmd_tools.imaging.source import other_files, read_image_file, scene_sha256
from tests.imaging.virtual import SIDE, tiff, vrt

rasterio = pytest.importorskip("rasterio")
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def value(path: Path, outside: bool = False) -> int:
    decoded = decode_file(read_image_file(path, outside), SIDE, outside=outside)
    [(_, colour)] = decoded.image.getcolors() or []
    return int(colour[0])  # type: ignore[index]


def test_a_vrt_reads_its_folder(tmp_path: Path) -> None:
    tiff(tmp_path / "a" / "a.tif")
    assert value(vrt(tmp_path / "a" / "b.vrt", "a.tif")) == 90
    assert value(vrt(tmp_path / "a" / "c.vrt", str(tmp_path / "a" / "a.tif"), 0)) == 90
    assert value(vrt(tmp_path / "a" / "d.vrt", "b.vrt")) == 90
    with open_raster(tmp_path / "a" / "d.vrt") as raster:
        assert (raster.read_rgb()[0] == 90).all()


@pytest.mark.parametrize("tag", ["SourceFilename", "sourcefilename", "SOURCEFILENAME"])
@pytest.mark.parametrize("relative", [0, 1])
def test_a_vrt_does_not_leave_its_folder_unless_allowed(
    tmp_path: Path, relative: int, tag: str
) -> None:
    secret = tiff(tmp_path / "secret" / "s.tif", 77)
    (tmp_path / "a").mkdir()
    name = "../secret/s.tif" if relative else str(secret)
    file = vrt(tmp_path / "a" / "b.vrt", name, relative, tag=tag)
    with pytest.raises(UnusableImageError, match="outside of its folder; use --outside"):
        value(file)
    with pytest.raises(UnusableImageError, match="outside"), open_raster(file):
        pass
    assert value(file, outside=True) == 77


def test_a_link_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    secret = tiff(tmp_path / "secret" / "s.tif")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "s.tif").symlink_to(secret)
    with pytest.raises(UnusableImageError, match="outside"):
        value(vrt(tmp_path / "a" / "b.vrt", "s.tif"))


def test_a_vrt_inside_another_does_not_leave_the_folder(tmp_path: Path) -> None:
    tiff(tmp_path / "secret" / "s.tif")
    (tmp_path / "a").mkdir()
    vrt(tmp_path / "a" / "b.vrt", "../secret/s.tif")
    with pytest.raises(UnusableImageError, match="outside"):
        value(vrt(tmp_path / "a" / "c.vrt", "b.vrt"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<VRTDataset rasterXSize='9'", "is a damaged VRT"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><VRTDataset/>", "document type"),
        ("<VRTDataset><SourceFilename>none.tif</SourceFilename></VRTDataset>", "outside|not exist"),
        ("<VRTDataset><PixelFunctionCode>x</PixelFunctionCode></VRTDataset>", "PixelFunctionCode"),
        ("<VRTDataset><A><DEMPath>/etc/passwd</DEMPath></A></VRTDataset>", "DEMPath"),
        ("<VRTDataset/>", "cannot be decoded|smaller"),
    ],
)
def test_a_vrt_that_is_not_one_is_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "a.vrt").write_text(text)
    with pytest.raises(UnusableImageError, match=why):
        value(tmp_path / "a.vrt")


def test_a_source_must_be_an_image(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(UnusableImageError, match="which is not an image"):
        value(vrt(tmp_path / "b.vrt", "a.txt"))
    with pytest.raises(UnusableImageError, match="which does not exist"):
        value(vrt(tmp_path / "b.vrt", "c.tif"))


@pytest.mark.parametrize("folder", [b"f\xff", b"f"])
def test_a_source_must_have_a_path_in_utf_8(tmp_path: Path, folder: bytes) -> None:
    tiff(tmp_path / "a.tif")
    inside = tmp_path / os.fsdecode(folder)
    inside.mkdir()
    (tmp_path / "a.tif").rename(inside / "a.tif")
    file = vrt(inside / "a.vrt", "a.tif")
    if folder.isascii():
        assert value(file) == 90
        return
    with pytest.raises(UnusableImageError, match=r"names a\.tif, whose path is not UTF-8; rename"):
        read_image_file(file)


MASKED = (
    "<MaskBand><VRTRasterBand dataType='Byte'><SimpleSource>"
    "<SourceFilename relativeToVRT='1'>a.tif</SourceFilename><SourceBand>mask,1</SourceBand>"
    "</SimpleSource></VRTRasterBand></MaskBand>"
)


def masked(path: Path, hidden: int) -> Path:
    """Write the mask of a raster: of each row, that many pixels are hidden."""
    values = np.full((SIDE, SIDE), 255, np.uint8)
    values[:, :hidden] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as target:
        target.write_mask(values)
    return path.with_name(path.name + ".msk")


def test_the_mask_of_a_source_belongs_to_the_hash_of_a_vrt(tmp_path: Path) -> None:
    source = tiff(tmp_path / "a.tif")
    file = vrt(tmp_path / "b.vrt", "a.tif", more=MASKED)
    hashes = [read_image_file(file).sha256]
    for hidden in (8, 16):
        mask = masked(source, hidden)
        hashes.append(read_image_file(file).sha256)
        assert scene_sha256(file) == hashes[-1]
        assert mask in other_files(file)
        with open_raster(file) as raster:
            assert raster.read_rgb()[1].mean() == 1 - hidden / SIDE
        mask.unlink()
    assert len(set(hashes)) == 3


def test_a_mask_of_a_source_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    secret = tiff(tmp_path / "secret" / "s.tif", 0)
    source = tiff(tmp_path / "a" / "a.tif")
    file = vrt(tmp_path / "a" / "b.vrt", "a.tif", more=MASKED)
    mask = source.with_name("a.tif.msk")
    vrt(mask, str(secret), 0)
    with pytest.raises(UnusableImageError, match=r"a.tif, which has a side file .msk that is not"):
        value(file)
    with pytest.raises(UnusableImageError, match="not a TIFF"), open_raster(file, outside=True):
        pass
    mask.unlink()
    mask.symlink_to(secret)
    with pytest.raises(UnusableImageError, match=r"side file .msk outside of its folder"):
        value(file)


def test_a_vrt_that_names_itself_ends(tmp_path: Path) -> None:
    with pytest.raises(UnusableImageError, match="too many other files"):
        value(vrt(tmp_path / "a.vrt", "a.vrt"))


def test_the_hash_of_a_vrt_is_that_of_its_sources_too(tmp_path: Path) -> None:
    tiff(tmp_path / "a.tif")
    file = vrt(tmp_path / "b.vrt", "a.tif")
    first = read_image_file(file).sha256
    tiff(tmp_path / "a.tif", 91)
    assert read_image_file(file).sha256 != first


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port of this machine. Connections wait in its queue, so none is lost."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        yield server


def connections(server: socket.socket) -> int:
    count = 0
    while True:
        try:
            server.accept()[0].close()
        except TimeoutError:
            return count
        count += 1


# In a process of its own: which drivers GDAL has is decided when it is first used.
READ = """
import sys
from pathlib import Path
from rsitmd_tools.imaging.decode import decode_file
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.options import BandOptions
from rsitmd_tools.imaging.raster import open_raster
from rsitmd_tools.imaging.source import other_files, read_image_file, scene_sha256
for name in sys.argv[1:]:
    for outside in (False, True):
        try:
            file = read_image_file(Path(name), outside)
            decode_file(file, 16, BandOptions(bands=(1,)), outside)
        except UnusableImageError as error:
            print(error)
        try:
            with open_raster(Path(name), outside) as raster:
                raster.source.overviews(1)
                raster.source.read(1, out_shape=(8, 8))
        except Exception as error:
            print(error)
"""


def read_elsewhere(*files: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", READ, *map(str, files)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip


def test_no_file_makes_gdal_connect(tmp_path: Path, listener: socket.socket) -> None:
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/x.tif"
    plain = tiff(tmp_path / "a.tif")
    with rasterio.open(plain, "r+") as target:
        target.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=f"/vsicurl/{url}")
    files = [plain]
    for index, name in enumerate((url, f"/vsicurl/{url}", f"/vsizip//vsicurl/{url}")):
        files.append(vrt(tmp_path / f"{index}.vrt", name, 0))
        files.append(vrt(tmp_path / f"{index}b.vrt", name, 1))
    overviews = (
        f"<Metadata domain='OVERVIEWS'><MDI key='OVERVIEW_FILE'>/vsicurl/{url}</MDI></Metadata>"
    )
    files.append(vrt(tmp_path / "c.vrt", "a.tif", more=overviews))
    service = tmp_path / "wms.tif"
    service.write_text(
        f"<GDAL_WMS><Service name='TMS'><ServerUrl>{url}</ServerUrl></Service></GDAL_WMS>"
    )
    files += [service, vrt(tmp_path / "d.vrt", "wms.tif")]
    done = read_elsewhere(*files)
    assert done.stderr == ""
    assert f"is a VRT that names a URL, {url}; copy it first" in done.stdout
    assert connections(listener) == 0


def ends(server: socket.socket, folder: Path, *command: object) -> int:
    """Run a program that may use the network of PROJ, which is the listener; return its status."""
    environment = {
        **os.environ,
        "PROJ_NETWORK": "ON",
        "PROJ_NETWORK_ENDPOINT": f"http://127.0.0.1:{server.getsockname()[1]}",
        "PROJ_USER_WRITABLE_DIRECTORY": str(folder / "proj"),
    }
    with subprocess.Popen([sys.executable, *map(str, command)], env=environment) as started:
        try:
            return started.wait(timeout=60)
        except subprocess.TimeoutExpired:  # it waits for an answer of the listener
            started.kill()
    return started.returncode


def test_footprints_are_computed_without_the_network(
    tmp_path: Path, listener: socket.socket
) -> None:
    # Between NAD27 and WGS84 lies a grid of shifts, which PROJ fetches where it may.
    scene = tmp_path / "a.tif"
    with rasterio.open(
        scene, "w", driver="GTiff", count=1, width=SIDE, height=SIDE, dtype="uint8",
        crs="EPSG:4267", transform=rasterio.Affine(0.01, 0, -100, 0, -0.01, 40),
    ) as target:  # fmt: skip
        target.write(np.random.default_rng(1).integers(1, 255, (1, SIDE, SIDE), np.uint8))
    (tmp_path / "p.geojson").write_text('{"type": "Point", "coordinates": [-99.9, 39.9]}')
    rsitmd = ("-m", "rsitmd_tools", "build")
    assert ends(listener, tmp_path, *rsitmd, "init", tmp_path / "w") == 0
    given = ("--tile", 16, "--grid-of", tmp_path / "p.geojson", "--block", "1km")
    assert ends(listener, tmp_path, *rsitmd, "ingest", tmp_path / "w", scene, *given) == 0
    exported = ("export-footprints", tmp_path / "w", "-o", tmp_path / "f.geojson")
    assert ends(listener, tmp_path, *rsitmd, *exported) == 0
    assert '"Polygon"' in (tmp_path / "f.geojson").read_text()
    assert connections(listener) == 0


def test_pyproj_is_closed_off_too(tmp_path: Path, listener: socket.socket) -> None:
    program = (
        "import pyproj; import rsitmd_tools.ingest.spatial;"
        "pyproj.Transformer.from_crs(4267, 4326).transform(40, -100)"
    )
    assert ends(listener, tmp_path, "-c", program) == 0
    assert connections(listener) == 0


def test_the_listener_would_notice(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()):
        assert connections(listener) == 1
