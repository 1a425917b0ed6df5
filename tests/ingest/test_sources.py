"""Files that did not change are not read again; files in doubt are."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from PIL import Image

from rsitmd_tools.ingest import IngestReport, ingest
from rsitmd_tools.ingest import normalise as normalising
from rsitmd_tools.ingest.corrections import remove
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.sources import RACY_NS


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source" / "port"
    folder.mkdir(parents=True)
    for number in range(4):
        Image.new("RGB", (32, 32), (60 * number, 0, 0)).save(folder / f"{number}.bmp", "TIFF")
        (folder / f"{number}.bmp").rename(folder / f"{number}.tif")
    return folder.parent


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read, in order."""
    names: list[str] = []
    real = normalising._read

    def noted(file: str) -> tuple[bytes, object]:
        names.append(Path(file).name)
        return real(file)

    monkeypatch.setattr(normalising, "_read", noted)
    return names


def run(folder: Path, *sources: Path, **options: object) -> IngestReport:
    with Workspace.create(folder) as workspace:
        return ingest(workspace, sources, workers=1, **options)


def let_time_pass(folder: Path) -> None:
    """Make the last ingest older, as seen by the next one."""
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        db.execute("UPDATE source_file SET read_ns = read_ns + ?", (2 * RACY_NS,))


def test_unchanged_files_are_not_read(tmp_path: Path, source: Path, read: list[str]) -> None:
    run(tmp_path / "w", source)
    let_time_pass(tmp_path / "w")
    read.clear()
    report = run(tmp_path / "w", source)
    assert (report.added, report.known, read) == (0, 4, [])


def test_files_changed_just_before_they_were_read_are_read_again(
    tmp_path: Path, source: Path, read: list[str]
) -> None:
    file = source / "port" / "2.tif"
    run(tmp_path / "w", source)
    state = file.stat()
    Image.new("RGB", (32, 32), (0, 99, 0)).save(file)
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    with Workspace.open(tmp_path / "w", write=True) as workspace, workspace.transaction() as db:
        # As on a file system whose clock is coarse: the change cannot be seen in the times.
        db.execute("UPDATE source_file SET ctime_ns = ?", (file.stat().st_ctime_ns,))
    assert file.stat().st_size == state.st_size
    read.clear()
    report = run(tmp_path / "w", source)
    assert "2.tif" in read
    assert (report.added, report.known) == (1, 3)


def test_a_file_with_another_time_is_read(tmp_path: Path, source: Path, read: list[str]) -> None:
    run(tmp_path / "w", source)
    let_time_pass(tmp_path / "w")
    os.utime(source / "port" / "1.tif", (1, 1))
    read.clear()
    assert run(tmp_path / "w", source).known == 4
    assert read == ["1.tif"]


@pytest.mark.parametrize("beside", [".msk", ".aux.xml"])
def test_a_file_is_read_again_when_a_mask_or_nodata_is_added_beside_it(
    tmp_path: Path, source: Path, beside: str
) -> None:
    pytest.importorskip("rasterio")
    run(tmp_path / "w", source)
    let_time_pass(tmp_path / "w")
    added = source / "port" / f"1.tif{beside}"
    if beside == ".msk":
        Image.new("L", (32, 32), 255).save(added, "TIFF")
    else:
        band = "<PAMRasterBand band='1'><NoDataValue>7</NoDataValue></PAMRasterBand>"
        added.write_text(f"<PAMDataset>{band}</PAMDataset>")
    report = run(tmp_path / "w", source)
    assert (report.added, report.known, len(report.outdated)) == (1, 3, 1)
    added.unlink()
    report = run(tmp_path / "w", source)
    assert (report.added, report.known) == (0, 4)


def test_a_replaced_file_with_the_old_time_and_size_is_read(
    tmp_path: Path, source: Path, read: list[str]
) -> None:
    run(tmp_path / "w", source)
    let_time_pass(tmp_path / "w")
    file = source / "port" / "1.tif"
    state = file.stat()
    Image.new("RGB", (32, 32), (0, 0, 99)).save(file)
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    read.clear()
    assert run(tmp_path / "w", source).added == 1
    assert read == ["1.tif"]


def test_a_lost_image_is_restored_although_its_source_did_not_change(
    tmp_path: Path, source: Path
) -> None:
    run(tmp_path / "w", source)
    let_time_pass(tmp_path / "w")
    (tmp_path / "w" / "images" / "port_3.tif").unlink()
    assert run(tmp_path / "w", source).restored == 1


def test_a_file_that_becomes_unusable_is_rejected(tmp_path: Path, source: Path) -> None:
    run(tmp_path / "w", source)
    let_time_pass(tmp_path / "w")
    (source / "port" / "1.tif").write_bytes(b"x")
    for _ in range(2):
        report = run(tmp_path / "w", source)
        assert (report.known, len(report.rejected)) == (3, 1)


def test_a_file_that_changes_while_it_is_read_is_rejected(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown = source / "port" / "1.tif"
    real = normalising.check_bytes

    def grow(count: int) -> None:
        real(count)
        if not grown.name.startswith("done"):
            with grown.open("ab") as stream:
                stream.write(b"more")

    monkeypatch.setattr(normalising, "check_bytes", grow)
    report = run(tmp_path / "w", grown)
    line = "changed while it was read; run the same command again"
    assert report.rejected == [(str(grown), line)]


def test_originals_are_kept_byte_for_byte(tmp_path: Path, source: Path) -> None:
    run(tmp_path / "w", source, keep_originals=True)
    originals = tmp_path / "w" / "originals"
    assert {path.read_bytes() for path in originals.iterdir()} == {
        path.read_bytes() for path in (source / "port").iterdir()
    }
    assert all(path.suffix == ".tif" and len(path.stem) == 64 for path in originals.iterdir())


def test_originals_can_be_asked_for_later(tmp_path: Path, source: Path) -> None:
    run(tmp_path / "w", source)
    let_time_pass(tmp_path / "w")
    report = run(tmp_path / "w", source, keep_originals=True)
    assert (report.added, report.known, report.restored) == (0, 4, 0)
    assert len(list((tmp_path / "w" / "originals").iterdir())) == 4
    assert len(list((tmp_path / "w" / "images").iterdir())) == 4


def test_the_clock_of_the_file_system_may_be_ahead(
    tmp_path: Path, source: Path, read: list[str]
) -> None:
    ahead = time.time() + 3600
    for file in (source / "port").iterdir():
        os.utime(file, (ahead, ahead))
    run(tmp_path / "w", source)
    let_time_pass(tmp_path / "w")
    read.clear()
    run(tmp_path / "w", source)
    assert len(read) == 4


def test_a_file_that_changed_names_the_image_of_its_earlier_content(
    tmp_path: Path, source: Path
) -> None:
    files = [source / "port" / f"{number}.tif" for number in range(4)]
    assert run(tmp_path / "w", source).outdated == []
    Image.new("RGB", (32, 32), (0, 99, 0)).save(files[1])
    files[2].rename(source / "port" / "moved.tif")
    Image.new("RGB", (32, 32), (0, 0, 99)).save(files[2])
    report = run(tmp_path / "w", source)
    # The earlier content of the third file has another file now.
    assert (report.added, report.outdated) == (2, [(str(files[1].resolve()), "port_2.tif")])
    assert run(tmp_path / "w", source).outdated == []


def test_a_removed_image_is_not_outdated(tmp_path: Path, source: Path) -> None:
    run(tmp_path / "w", source)
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        remove(workspace, ["port_2.tif"], "clouds")
    Image.new("RGB", (32, 32), (0, 99, 0)).save(source / "port" / "1.tif")
    assert run(tmp_path / "w", source).outdated == []
