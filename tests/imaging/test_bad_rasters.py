"""Rasters that are damaged, too large or change: a reason in one line, no message of a library."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rsitmd_tools.imaging.decode import decode_file
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.quiet import quiet_decoders
from rsitmd_tools.imaging.raster import open_raster
from rsitmd_tools.imaging.source import read_image_file
from rsitmd_tools.imaging.tiff import summarise
from rsitmd_tools.ingest import ingest
from rsitmd_tools.workspace import Workspace
from tests.pictures import decode

rasterio = pytest.importorskip("rasterio")
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

SIDE = 64


def encoded(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    values = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def tiff(tags: dict[int, tuple[int, int, int]], next_at: int = 0, size: int = 1000) -> bytes:
    """A classic TIFF with one directory at 8: ``{tag: (type, count, value)}``."""
    entries = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in sorted(tags.items()))
    data = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + struct.pack("<I", next_at)
    return data.ljust(size, b"\x40")


def header(width: int, height: int, next_at: int = 0) -> bytes:
    return tiff(
        {
            256: (4, 1, width),
            257: (4, 1, height),
            258: (3, 1, 8),
            259: (3, 1, 1),
            262: (3, 1, 1),
            273: (4, 1, 200),
            277: (3, 1, 1),
            278: (4, 1, height),
            279: (4, 1, min(width * height, 2**32 - 1)),
        },
        next_at,
        max(1000, 200 + (width * height if width * height < 10_000 else 0)),
    )


BAD: dict[str, tuple[bytes, str]] = {
    "truncated.tif": (encoded("TIFF")[:900], "cannot be decoded"),
    "truncated.jp2": (encoded("JPEG2000")[:900], "cannot be decoded"),
    "truncated.webp": (encoded("WEBP")[:900], "cannot be decoded|is not a TIFF"),
    "header only.tif": (b"II*\0\x08\0\0\0", "cannot be decoded"),
    "big header only.tif": (b"II+\0\x08\0\0\0", "cannot be decoded"),
    "empty.vrt": (b"", "is empty"),
    "text.vrt": (b"no raster", "is not a TIFF, JPEG, PNG, WebP, JPEG 2000 or VRT image"),
    "huge.tif": (header(2048, 1_073_741_824), "cannot be decoded|more than 500 megapixels"),
    "wide.tif": (header(2**31 - 1, 2**31 - 1), "cannot be decoded|more than 500 megapixels"),
    "nothing behind.tif": (header(20_000, 20_000), "cannot be decoded"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_raster_has_its_reason(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data, why = BAD[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnusableImageError, match=why) as caught, quiet_decoders():
        decode_file(read_image_file(tmp_path / name), 32)
    assert "\n" not in str(caught.value) and "vsimem" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("next_at", [8, 9, 4])
def test_a_loop_of_directories_ends(next_at: int) -> None:
    data = header(SIDE, SIDE, next_at)
    assert summarise(data).pages >= 1
    with quiet_decoders():
        image, size = decode(data, 32)
    assert size == (SIDE, SIDE) and set(image.tobytes()) == {0x40}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "JPEG2000"])
def test_the_content_counts_not_the_suffix(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.tif").write_bytes(encoded(kind))
    assert decode_file(read_image_file(tmp_path / "a.tif"), 32).image.size == (32, 32)


def test_a_tiff_without_coordinates_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(encoded("TIFF"))
    with open_raster(tmp_path / "a.tif") as raster:
        assert raster.crs is None and raster.gcps[0] == []
        assert raster.read_rgb()[0].shape == (SIDE, SIDE, 3)


def test_a_side_file_that_is_no_tiff_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(encoded("TIFF"))
    (tmp_path / "a.tif.ovr").write_text("<VRTDataset/>")
    with (
        pytest.raises(UnusableImageError, match=r"side file \.ovr"),
        open_raster(tmp_path / "a.tif"),
    ):
        pass


def deep(path: Path, value: int = 5) -> None:
    values = np.arange(SIDE * SIDE, dtype=np.uint16).reshape(1, SIDE, SIDE) * value
    with rasterio.open(
        path, "w", driver="GTiff", count=1, width=SIDE, height=SIDE, dtype="uint16"
    ) as target:
        target.write(values)


def test_a_scene_that_changes_while_it_is_open_is_noticed(tmp_path: Path) -> None:
    deep(tmp_path / "a.tif")
    with (
        pytest.raises(UnusableImageError, match="changed while it was read"),
        open_raster(tmp_path / "a.tif") as raster,
    ):
        raster.read_rgb(limits=raster.value_range())
        (tmp_path / "a.tif").write_bytes(b"other")


def grows(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def vanishes(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("change", [grows, vanishes])
def test_a_source_of_a_vrt_that_changes_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    from rsitmd_tools.ingest import normalise

    source = tmp_path / "port"
    source.mkdir()
    deep(source / "a.tif")
    (source / "b.vrt").write_text(
        f"<VRTDataset rasterXSize='{SIDE}' rasterYSize='{SIDE}'><VRTRasterBand dataType='UInt16'"
        " band='1'><SimpleSource><SourceFilename relativeToVRT='1'>a.tif</SourceFilename>"
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    whole = normalise.decode_file

    def changing(*arguments: Any) -> Any:
        decoded = whole(*arguments)
        if str(arguments[0].path).endswith("b.vrt"):
            change(source / "a.tif")
        return decoded

    monkeypatch.setattr(normalise, "decode_file", changing)
    with Workspace.create(tmp_path / "w") as workspace:
        report = ingest(workspace, [source / "b.vrt"])
    [(file, why)] = report.rejected
    assert file.endswith("b.vrt") and "changed while it was read" in why


def test_what_was_used_is_recorded_and_another_reading_is_noted(tmp_path: Path) -> None:
    from rsitmd_tools.imaging.options import BandOptions
    from rsitmd_tools.workspace.readings import readings

    (tmp_path / "port").mkdir()
    deep(tmp_path / "port" / "a.tif")
    (tmp_path / "port" / "b.png").write_bytes(encoded("PNG"))
    with Workspace.create(tmp_path / "w") as workspace:
        first = ingest(workspace, [tmp_path / "port"], options=BandOptions(value_range=(0, 9000)))
        assert (first.added, first.notes) == (2, [])
        stored = list(readings(workspace.db).values())
        assert {(r.bands, r.limits, r.percentiles) for r in stored} == {
            ((1,), (0.0, 9000.0), None),
            ((1, 2, 3), (0.0, 9000.0), None),
        }
        again = ingest(workspace, [tmp_path / "port"], options=BandOptions(value_range=(0, 9000)))
        assert (again.known, again.notes) == (2, [])
        other = ingest(workspace, [tmp_path / "port"], options=BandOptions(value_range=(0, 10)))
        assert len(other.notes) == 2
        assert "was read with other bands or values, and is unchanged" in other.notes[0][1]


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.tif"
    deep(file)
    read = Path.read_bytes

    def slow(path: Path) -> bytes:
        data = read(path)
        grows_once(path)
        return data

    def grows_once(path: Path) -> None:
        with path.open("ab") as stream:
            stream.write(b"more")

    monkeypatch.setattr(Path, "read_bytes", slow)
    with pytest.raises(UnusableImageError, match="changed while it was read"):
        read_image_file(file)
