"""Checksums of files are kept, and a changed file is read again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rsitmd_tools.baselines.data import digests
from rsitmd_tools.baselines.data.digests import file_digests
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.hashing import sha256_file


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    found = [tmp_path / f"{number}.png" for number in range(3)]
    for path in found:
        path.write_bytes(path.name.encode())
    return found


def test_a_settled_file_is_read_once(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def digest(path: Path) -> str:
        read.append(path)
        return sha256_file(path)

    monkeypatch.setattr(digests, "sha256_file", digest)
    expected = list(map(sha256_file, paths))
    cache = tmp_path / "cache"
    assert file_digests(paths, cache) == expected
    # They are too young: one could change again without another time.
    assert file_digests(paths, cache) == expected
    assert len(read) == 6
    monkeypatch.setattr(digests, "SETTLED_NS", -(10**9))
    file_digests(paths, cache)
    read.clear()
    assert file_digests(paths, cache) == expected
    assert read == []
    before = paths[1].stat()
    paths[1].write_bytes(b"other")
    os.utime(paths[1], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file_digests(paths, cache) == list(map(sha256_file, paths))
    assert read == [paths[1]]


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', "\x00"])
def test_damaged_checksums_are_not_used(paths: list[Path], tmp_path: Path, content: str) -> None:
    expected = file_digests(paths, tmp_path / "cache")
    (file,) = (tmp_path / "cache").glob("*.json")
    file.write_text(content)
    assert file_digests(paths, tmp_path / "cache") == expected


def test_an_absent_file_and_a_folder_that_cannot_be_written(
    paths: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "blocked").write_text("in the way")
    assert len(file_digests(paths, tmp_path / "blocked" / "x")) == 3
    paths[0].unlink()
    with pytest.raises(RsitmdError, match=r"0\.png: cannot be read"):
        file_digests(paths, tmp_path / "cache")
