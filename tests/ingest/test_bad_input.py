"""Every kind of file people have: it is added correctly or rejected with a reason."""

from __future__ import annotations

import io
import json
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.imaging import limits as ingest_limits
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.ingest import ingest
from rsitmd_tools.workspace import Workspace
from tests.pictures import decode


def noise(seed: int = 0, mode: str = "RGB", side: int = 64) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(values).convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header alone says how large it is: cheap, as an image bomb is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def whole_png_bomb() -> bytes:
    return encoded(Image.new("1", (20_000, 20_000)), "PNG")


BAD = {
    "truncated.jpg": (encoded(noise(), "JPEG")[:900], "cannot be decoded"),
    "truncated.tif": (encoded(noise(), "TIFF")[:900], "cannot be decoded"),
    "truncated.png": (encoded(noise(), "PNG")[:900], "cannot be decoded"),
    "empty.tif": (b"", "is empty"),
    "text.png": (b"this is no picture\n", "is not a TIFF, JPEG, PNG, WebP, JPEG 2000 or VRT image"),
    "gif.png": (encoded(noise(), "GIF"), "is not a TIFF, JPEG, PNG, WebP, JPEG 2000 or VRT image"),
    "pixel.png": (encoded(Image.new("RGB", (1, 1)), "PNG"), "is 1 x 1, smaller than 16 x 16"),
    "thin.png": (encoded(Image.new("RGB", (900, 15)), "PNG"), "is 900 x 15, smaller"),
    "scene.png": (whole_png_bomb(), "megapixels; cut it into tiles"),
    "bomb.png": (png_of_size(60_000, 60_000), "megapixels; cut it into tiles"),
    "large.png": (png_of_size(9_000, 9_000), "is 9000 x 9000, more than 64 megapixels"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_unusable_file_has_its_reason(name: str) -> None:
    data, why = BAD[name]
    with pytest.raises(UnusableImageError, match=why):
        decode(data, 32)


@pytest.mark.filterwarnings("error")
def test_unusable_files_are_listed_and_the_others_added(tmp_path: Path) -> None:
    source = tmp_path / "source" / "port"
    source.mkdir(parents=True)
    for name, (data, _) in BAD.items():
        (source / name).write_bytes(data)
    noise().save(source / "good.png")
    folder = tmp_path / "w"
    Workspace.create(folder).close()
    done = CliRunner().invoke(root.cli, ["build", "ingest", str(folder), str(source), "--json"])
    report = json.loads(done.stdout)
    assert report["added"] == 1
    found = {Path(file).name: reason for file, reason in report["rejected"]}
    assert found.keys() == BAD.keys()
    for name, (_, why) in BAD.items():
        assert why in found[name]
        assert "\n" not in found[name]
    with Workspace.open(folder) as workspace:
        kept = dict(workspace.db.execute("SELECT source, reason FROM rejected").fetchall())
        assert kept == dict(report["rejected"])
        assert [p.name for p in workspace.images.iterdir()] == ["port_1.tif"]


def broken_tiff() -> bytes:
    """A TIFF whose compressed data are broken: libtiff writes to descriptor 2 about it."""
    data = encoded(noise(), "TIFF", compression="tiff_lzw")
    return data[:200] + b"\xff" * 300 + data[500:]


@pytest.mark.parametrize("workers", [1, 2])
def test_decoders_do_not_write_to_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], workers: int
) -> None:
    (tmp_path / "port").mkdir()
    file = tmp_path / "port" / "a.tif"
    file.write_bytes(broken_tiff())
    noise().save(tmp_path / "port" / "b.png")
    with Workspace.create(tmp_path / "w") as workspace:
        report = ingest(workspace, [file.parent], workers=workers)
    assert report.rejected == [(str(file), "cannot be decoded (decoder error -2)")]
    # On a slow machine, progress has more than one line.
    lines = capfd.readouterr().err.splitlines()
    assert lines[-1] == "ingest: 2/2 done"
    assert all(re.fullmatch("ingest: [12]/2( done)?", line) for line in lines)


def test_no_usable_file_is_exit_code_1_with_one_line_per_file(tmp_path: Path) -> None:
    (tmp_path / "port").mkdir()
    (tmp_path / "port" / "a.png").write_bytes(b"")
    (tmp_path / "port" / "b\n.png").write_bytes(b"text")
    Workspace.create(tmp_path / "w").close()
    done = CliRunner().invoke(
        root.cli,
        ["build", "ingest", str(tmp_path / "w"), str(tmp_path / "port")],
        standalone_mode=False,
    )
    assert done.return_value == 1
    assert "images: 0 added, 0 known, 2 rejected" in done.stdout
    said = [line for line in done.stderr.splitlines() if line.startswith("rejected")]
    assert len(said) == 2
    assert said[0].endswith("a.png: is empty")
    assert r"b\n.png: is not a TIFF" in said[1]


def test_a_fixed_file_is_no_longer_rejected(tmp_path: Path) -> None:
    file = tmp_path / "port" / "a.png"
    file.parent.mkdir()
    file.write_bytes(b"")
    with Workspace.create(tmp_path / "w") as workspace:
        assert len(ingest(workspace, [file.parent]).rejected) == 1
        noise().save(file)
        assert ingest(workspace, [file.parent]).added == 1
        assert not workspace.db.execute("SELECT * FROM rejected").fetchall()


def test_a_file_of_a_gigabyte_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_limits, "MAX_BYTES", 1_000)
    file = tmp_path / "port_1.png"
    noise().save(file)
    with Workspace.create(tmp_path / "w") as workspace:
        monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("was read"))
        ((_, why),) = ingest(workspace, [file]).rejected
    assert "megabytes; cut it into tiles" in why


def test_an_unreadable_file_is_rejected_not_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "port_1.png"
    noise().save(file)

    def refuse(_: str) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("rsitmd_tools.ingest.normalise._read", refuse)
    with Workspace.create(tmp_path / "w") as workspace:
        assert ingest(workspace, [file]).rejected == [
            (str(file), "cannot be read (permission denied)")
        ]


NAMES = (
    "with space.png",
    "Häfen größe.png",
    'it\'s "quoted".png',
    "$(rm -rf) `x` ;&.png",
    "-rf.png",
    "new\nline.png",
    "x" * 200 + ".png",
    "ü" * 120 + ".png",
    "Case.png",
    "case.png",
    "CASE.PNG",
)


def test_any_file_name_can_be_ingested(tmp_path: Path) -> None:
    source = tmp_path / 'my "port\'s" ü'
    source.mkdir()
    for seed, name in enumerate(NAMES):
        (source / name).write_bytes(encoded(noise(seed), "PNG"))
    (source / b"\xff\xfe.png".decode("utf-8", "surrogateescape")).write_bytes(
        encoded(noise(99), "PNG")
    )
    with Workspace.create(tmp_path / "w") as workspace:
        report = ingest(workspace, [source])
        assert (report.added, report.rejected) == (len(NAMES) + 1, [])
        sources = [row[0] for row in workspace.db.execute("SELECT source FROM image")]
        assert {str(source / name) for name in NAMES} < set(sources)
        assert any(text.endswith(r"\xff\xfe.png") for text in sources)
        files = {p.name for p in workspace.images.iterdir()}
        assert files == {f"myportsue_{n}.tif" for n in range(1, len(NAMES) + 2)}
