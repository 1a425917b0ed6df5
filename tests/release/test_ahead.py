"""What is done ahead: the same checksums, and errors of the disk are not lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from threading import Event, Semaphore
from time import sleep

import pytest

from rsitmd_tools.release import ahead, images
from rsitmd_tools.release.ahead import hashed_ahead, written_ahead


def test_checksums_by_path_and_without_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "prior").mkdir()
    file = tmp_path / "prior" / "a.npy"
    file.write_bytes(b"abc")
    with hashed_ahead(tmp_path, [file, tmp_path / "missing"]) as sums:
        assert sums() == {"prior/a.npy": hashlib.sha256(b"abc").hexdigest()}


def test_files_are_written_to_the_disk_while_the_block_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = Semaphore(0)
    monkeypatch.setattr(ahead, "SECONDS", 0.01)
    monkeypatch.setattr(ahead, "sync_file_system", lambda folder: twice.release() or True)
    with written_ahead(tmp_path):
        assert twice.acquire(timeout=60)
        assert twice.acquire(timeout=60)


def test_a_system_without_this_call_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(ahead, "SECONDS", 0.01)
    monkeypatch.setattr(ahead, "sync_file_system", asked.append)
    with written_ahead(tmp_path):
        sleep(0.2)
    assert asked == [tmp_path]


def test_an_error_of_the_disk_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = Event()

    def fails(folder: Path) -> bool:
        failed.set()
        raise OSError(5, "input/output error")

    monkeypatch.setattr(ahead, "SECONDS", 0.01)
    monkeypatch.setattr(ahead, "sync_file_system", fails)
    with pytest.raises(OSError, match="input/output"), written_ahead(tmp_path):
        assert failed.wait(60)


def test_an_error_of_the_block_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), written_ahead(tmp_path):
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
