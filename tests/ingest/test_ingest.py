"""Ingest as a whole: each content once, independent of the workers, resumable."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.ingest import IngestReport, ingest
from rsitmd_tools.workspace import Workspace
from tests.pictures import save_noise

COLUMNS = (
    "id, sha256, filename, category, number, source, width, height, pixel_sha256, phash,"
    " duplicate_group"
)


def draw_folder(folder: Path, count: int = 80) -> Path:
    for seed in range(count):
        suffix = ("png", "jpg", "tif")[seed % 3]
        save_noise(folder / ("port", "farm", "beach")[seed % 3] / f"{seed}.{suffix}", seed)
    (folder / "port" / "bad.png").write_bytes(b"x")
    return folder


def state(folder: Path) -> tuple[Any, ...]:
    """Rows and bytes of a workspace, all but the times."""
    with Workspace.open(folder) as workspace:
        rows = workspace.db.execute(f"SELECT {COLUMNS} FROM image ORDER BY id").fetchall()
        rejected = workspace.db.execute("SELECT source, reason FROM rejected").fetchall()
        files = {path.name: path.read_bytes() for path in workspace.images.iterdir()}
    return [tuple(row) for row in rows], [tuple(row) for row in rejected], files


def into(folder: Path, *sources: Path, **options: Any) -> IngestReport:
    with Workspace.create(folder) as workspace:
        return ingest(workspace, sources, **options)


def test_files_and_rows_of_an_ingest(tmp_path: Path) -> None:
    source = draw_folder(tmp_path / "source", 6)
    report = into(tmp_path / "w", source)
    assert (report.added, report.known, len(report.rejected)) == (6, 0, 1)
    rows, _, files = state(tmp_path / "w")
    names = ["beach_1.tif", "beach_2.tif", "farm_1.tif", "farm_2.tif", "port_1.tif", "port_2.tif"]
    assert [row[2] for row in rows] == sorted(files) == names
    assert [row[6:8] for row in rows] == [(40, 40)] * 6
    for name in names:
        with Image.open(tmp_path / "w" / "images" / name) as image:
            assert (image.format, image.mode, image.size) == ("TIFF", "RGB", (256, 256))


def test_ingest_of_the_same_source_again_changes_nothing(tmp_path: Path) -> None:
    source = draw_folder(tmp_path / "source", 6)
    into(tmp_path / "w", source)
    before = state(tmp_path / "w")
    report = into(tmp_path / "w", source, source)
    assert (report.added, report.known) == (0, 12)
    assert state(tmp_path / "w") == before


def test_the_content_identifies_an_image(tmp_path: Path) -> None:
    first = save_noise(tmp_path / "a" / "port" / "1.png", 1)
    (tmp_path / "b" / "farm").mkdir(parents=True)
    shutil.copy(first, tmp_path / "b" / "farm" / "other.png")
    report = into(tmp_path / "w", tmp_path / "a", tmp_path / "b")
    assert (report.added, report.known) == (1, 1)
    copy = str(tmp_path / "b" / "farm" / "other.png")
    assert report.other_category == [(copy, "port_1.tif")]


def test_new_images_continue_the_numbers(tmp_path: Path) -> None:
    save_noise(tmp_path / "a" / "port" / "5.png", 1)
    into(tmp_path / "w", tmp_path / "a")
    before = state(tmp_path / "w")[2]
    save_noise(tmp_path / "a" / "port" / "1.png", 2)
    assert into(tmp_path / "w", tmp_path / "a").added == 1
    after = state(tmp_path / "w")[2]
    assert set(after) == {"port_1.tif", "port_2.tif"}
    assert after["port_1.tif"] == before["port_1.tif"]


def test_one_category_for_all(tmp_path: Path) -> None:
    into(tmp_path / "w", draw_folder(tmp_path / "source", 3), category="Häfen")
    assert set(state(tmp_path / "w")[2]) == {"haefen_1.tif", "haefen_2.tif", "haefen_3.tif"}


def test_parallel_equals_serial(tmp_path: Path) -> None:
    source = draw_folder(tmp_path / "source")
    into(tmp_path / "serial", source, workers=1)
    into(tmp_path / "parallel", source, workers=3)
    assert state(tmp_path / "serial") == state(tmp_path / "parallel")


def test_a_lost_file_is_restored(tmp_path: Path) -> None:
    source = draw_folder(tmp_path / "source", 6)
    into(tmp_path / "w", source)
    before = state(tmp_path / "w")
    (tmp_path / "w" / "images" / "farm_2.tif").unlink()
    report = into(tmp_path / "w", source)
    assert (report.added, report.restored) == (0, 1)
    assert state(tmp_path / "w") == before


def test_leftovers_of_a_killed_write_are_removed(tmp_path: Path) -> None:
    source = draw_folder(tmp_path / "source", 3)
    Workspace.create(tmp_path / "w").close()
    (tmp_path / "w" / "images" / ".port_1.tif.partial-00").write_bytes(b"half")
    into(tmp_path / "w", source)
    assert not list((tmp_path / "w" / "images").glob(".*"))


@pytest.mark.parametrize("call", [1, 70])
def test_a_full_disk_is_a_one_line_error_and_the_next_ingest_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    source = draw_folder(tmp_path / "source")
    real, calls = Path.write_bytes, []

    def full(path: Path, data: bytes) -> int:
        calls.append(path)
        if len(calls) == call:
            real(path, data[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RsitmdError, match=r"images: cannot be written \(no space left.*free some"):
        into(tmp_path / "w", source, workers=1)
    monkeypatch.undo()
    with Workspace.open(tmp_path / "w") as workspace:
        count = workspace.db.execute("SELECT count(*) FROM image").fetchone()[0]
        assert count == call - 1, "all files before the error are kept"
        assert not list(workspace.images.glob(".*"))
    into(tmp_path / "w", source)
    into(tmp_path / "whole", source)
    assert state(tmp_path / "w") == state(tmp_path / "whole")


def test_a_workspace_without_a_folder_of_images_is_an_error(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w").close()
    (tmp_path / "w" / "images").rmdir()
    save_noise(tmp_path / "src" / "harbour" / "a.png", 1)
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        with pytest.raises(RsitmdError, match=r"w/images: is not a folder; restore it"):
            ingest(workspace, [tmp_path / "src"], workers=1)
        workspace.images.mkdir()
        assert ingest(workspace, [tmp_path / "src"], workers=1).added == 1


def test_a_changed_image_size_is_an_error(tmp_path: Path) -> None:
    source = draw_folder(tmp_path / "source", 3)
    into(tmp_path / "w", source)
    settings = tmp_path / "w" / "rsitmd.toml"
    settings.write_text(settings.read_text().replace("image_size = 256", "image_size = 128"))
    with pytest.raises(RsitmdError, match=r"rsitmd\.toml: dataset\.image_size is 128.*have 256"):
        into(tmp_path / "w", source)


def test_a_worker_that_dies_is_a_one_line_error() -> None:
    with pytest.raises(RsitmdError, match=r"a worker process died.*memory"):
        list(map_in_order(os._exit, [3, 3, 3], 2))


def test_duplicates_are_reported(tmp_path: Path) -> None:
    first = save_noise(tmp_path / "s" / "port" / "1.png", 1, side=256)
    with Image.open(first) as image:
        image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "s" / "port" / "2.png")
        image.save(tmp_path / "s" / "port" / "3.tif")
    save_noise(tmp_path / "s" / "port" / "4.png", 2, side=256)
    report = into(tmp_path / "w", tmp_path / "s")
    assert (report.added, report.duplicates, report.duplicate_groups) == (4, 3, 1)
    assert [row[-1] for row in state(tmp_path / "w")[0]] == [1, 1, 1, None]


def test_a_worker_that_dies_while_the_caller_works_is_a_one_line_error() -> None:
    results = map_in_order(die, range(100), 2)
    with pytest.raises(RsitmdError, match="a worker process died at this"):
        for _ in results:
            time.sleep(0.1)


def die(number: int) -> int:
    if number == 20:
        os._exit(9)
    return number


def test_an_image_without_a_row_that_a_killed_ingest_left_is_replaced(tmp_path: Path) -> None:
    source = draw_folder(tmp_path / "source", 4)
    into(tmp_path / "whole", source)
    name = sorted((tmp_path / "whole" / "images").iterdir())[0].name
    Workspace.create(tmp_path / "w").close()
    (tmp_path / "w" / "images" / name).write_bytes(b"the image of a source that was removed")
    into(tmp_path / "w", source)
    written = (tmp_path / "w" / "images" / name).read_bytes()
    assert written == (tmp_path / "whole" / "images" / name).read_bytes()
