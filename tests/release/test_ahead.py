"""What is done ahead: the same checksums, and errors of the disk are not lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from rsitmd_tools.release import ahead, images
from rsitmd_tools.release.ahead import hashed_ahead, synced_ahead


def test_checksums_by_path_and_without_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "prior").mkdir()
    file = tmp_path / "prior" / "a.npy"
    file.write_bytes(b"abc")
    with hashed_ahead(tmp_path, [file, tmp_path / "missing"]) as sums:
        assert sums() == {"prior/a.npy": hashlib.sha256(b"abc").hexdigest()}


def test_an_error_of_the_disk_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(5, "input/output error")

    monkeypatch.setattr(ahead, "sync_files", fails)
    ran = []
    with pytest.raises(OSError, match="input/output"), synced_ahead(tmp_path, []):
        ran.append(True)
    assert ran


def test_an_error_of_the_block_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), synced_ahead(tmp_path, []):
        raise ZeroDivisionError


@pytest.mark.parametrize(("count", "started"), [(32, False), (33, True)])
def test_workers_start_first_if_there_are_enough_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, started: bool
) -> None:
    calls: list[Callable[..., object]] = []
    monkeypatch.setattr(images, "start_ahead", lambda function, _: calls.append(function))
    for number in range(count):
        (tmp_path / str(number)).touch()
    images.start_workers(tmp_path)
    assert bool(calls) == started
    images.start_workers(tmp_path / "missing")
