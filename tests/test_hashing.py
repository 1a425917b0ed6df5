"""Checksums: no two different sequences of texts are written alike."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.hashing import sha256_file, sha256_files, sha256_lines

TEXTS = st.lists(st.text("ab:1\n", max_size=3), max_size=4)


@given(TEXTS, TEXTS)
def test_only_equal_sequences_are_equal(one: list[str], other: list[str]) -> None:
    assert (sha256_lines(one) == sha256_lines(other)) == (one == other)


def test_boundaries_change_the_hash_and_surrogates_are_accepted() -> None:
    assert sha256_lines(["ab"]) != sha256_lines(["a", "b"]) != sha256_lines(["a", "", "b"])
    assert len(sha256_lines(["\udcff"])) == 64


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_file(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_files_are_hashed_in_their_order_whatever_their_size(tmp_path: Path) -> None:
    files = [tmp_path / str(number) for number in range(5)]
    for size, file in zip((3, 100_000, 0, 7), files, strict=False):
        file.write_bytes(b"x" * size)
    *found, absent = sha256_files(files)
    assert found == [sha256_file(file) for file in files[:4]]
    assert isinstance(absent, FileNotFoundError)
