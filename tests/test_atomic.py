"""Files and folders appear whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from rsitmd_tools import atomic
from rsitmd_tools.atomic import (
    PARTIAL,
    atomic_folder,
    atomic_path,
    remove_leftovers,
    unfinished_name,
    write_json,
)
from rsitmd_tools.errors import RsitmdError


def test_unfinished_names_differ() -> None:
    names = {unfinished_name(".new") for _ in range(9)}
    assert len(names) == 9 and all(name.startswith(".new" + PARTIAL) for name in names)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as partial:
        partial.write_text("new")
        raise ZeroDivisionError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("make", [atomic_path, atomic_folder])
def test_a_file_that_cannot_be_read_is_named_instead_of_the_new_one(
    tmp_path: Path, make: Callable[[Path], AbstractContextManager[Path]]
) -> None:
    source, target = tmp_path / "source.png", tmp_path / "new" / "target"
    with pytest.raises(RsitmdError) as failed, make(target) as partial:
        shutil.copyfile(source, partial / "a" if partial.is_dir() else partial)
    assert str(failed.value).startswith(f"{source}: cannot be opened (no such file or directory); ")
    with pytest.raises(RsitmdError, match="target: cannot be written"), make(target) as partial:
        (partial / "no folder" / "a").write_bytes(b"")
    assert list(tmp_path.iterdir()) == [target.parent] and not any(target.parent.iterdir())


def test_the_mode_is_set_before_anything_is_written(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "secret", mode=0o600) as partial:
        assert stat.S_IMODE(partial.stat().st_mode) == 0o600
        partial.write_text("x")
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_a_full_disk_is_a_one_line_error(tmp_path: Path) -> None:
    with (
        pytest.raises(RsitmdError, match=r"no space left.*free some space"),
        atomic_folder(tmp_path / "out") as partial,
    ):
        (partial / "half").write_text("x")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_never_overwritten_and_leftovers_are_removed(tmp_path: Path) -> None:
    killed = tmp_path / ".out [1].partial-00"
    killed.mkdir()
    with atomic_folder(tmp_path / "out [1]") as partial:
        (partial / "a").write_text("x")
    assert [p.name for p in tmp_path.iterdir()] == ["out [1]"]
    with pytest.raises(RsitmdError, match="already exists"), atomic_folder(tmp_path / "out [1]"):
        pass


@pytest.mark.parametrize("name", ["ü" * 127, "x" * 255, "🛰" * 63])
def test_the_longest_name_a_file_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / name) as partial:
        partial.write_text("half")
        killed = partial.rename(f"{partial}x")  # as if it had been killed here
        raise ZeroDivisionError
    assert killed.exists()
    with atomic_folder(tmp_path / name) as folder:
        assert not killed.exists()
        (folder / "a").write_text("x")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_leftovers_of_other_processes_are_kept(tmp_path: Path) -> None:
    other = tmp_path / ".other.partial-00"
    other.write_text("x")
    remove_leftovers(tmp_path / "out")
    assert other.exists()
    remove_leftovers(tmp_path / "absent" / "out")


def test_json_without_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", [1, 20])
def test_files_of_a_folder_are_synced_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    synced: list[str] = []
    calls: list[int] = []
    sync_files, fsync = atomic.sync_files, os.fsync

    def noted_files(folder: Path, files: Sequence[Path]) -> None:
        sync_files(folder, files)
        synced.extend(file.name for file in files)

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        calls.append(descriptor)

    monkeypatch.setattr(atomic, "sync_files", noted_files)
    monkeypatch.setattr(os, "fsync", noted)
    with atomic.atomic_folder(tmp_path / "out") as folder:
        for number in range(count):
            atomic.write_text(folder / "deep" / f"{number}.txt", "words")
        assert calls == []
    assert {f"{number}.txt" for number in range(count)} | {"deep"} <= set(synced)
    assert calls
    calls.clear()
    atomic.write_text(tmp_path / "out" / "later.txt", "words")
    assert len(calls) == 2
