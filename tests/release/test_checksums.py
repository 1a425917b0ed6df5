"""SHA256SUMS: every change of a release is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.release.checksums import verify_release, write_checksums


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    release = tmp_path / "release"
    (release / "images").mkdir(parents=True)
    (release / "images" / "a b_1.tif").write_bytes(b"picture")
    (release / "words.txt").write_text("words")
    assert list(write_checksums(release)) == ["images/a b_1.tif", "words.txt"]
    return release


def test_a_complete_release_passes(folder: Path) -> None:
    assert verify_release(folder) == 2


def test_a_changed_file_is_named(folder: Path) -> None:
    (folder / "words.txt").write_text("other")
    with pytest.raises(RsitmdError, match=r"words\.txt: has a wrong checksum"):
        verify_release(folder)


def test_an_absent_file_is_named(folder: Path) -> None:
    (folder / "images" / "a b_1.tif").unlink()
    with pytest.raises(RsitmdError, match=r"a b_1\.tif: is listed but does not exist"):
        verify_release(folder)


def test_an_additional_file_is_reported(folder: Path) -> None:
    (folder / "images" / "more.tif").write_bytes(b"")
    with pytest.raises(RsitmdError, match=r"more\.tif: is not in SHA256SUMS"):
        verify_release(folder)


def test_a_file_that_became_a_link_is_found(folder: Path, tmp_path: Path) -> None:
    outside = (folder / "words.txt").rename(tmp_path / "words.txt")
    (folder / "words.txt").symlink_to(outside)
    with pytest.raises(RsitmdError, match=r"words\.txt: is listed but does not exist"):
        verify_release(folder)


@pytest.mark.parametrize("line", ["nonsense", "0" * 64, "0" * 63 + "  words.txt", ""])
def test_a_malformed_list_names_the_line(folder: Path, line: str) -> None:
    (folder / "SHA256SUMS").write_text(f"{line}\n")
    with pytest.raises(RsitmdError, match="line 1: is not a checksum"):
        verify_release(folder)


def test_a_path_that_leaves_the_folder_is_never_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    (folder / "SHA256SUMS").write_text("0" * 64 + "  ../outside\n")
    with pytest.raises(RsitmdError, match="outside: is listed but does not exist"):
        verify_release(folder)


def test_a_missing_list_is_a_one_line_error(tmp_path: Path) -> None:
    with pytest.raises(RsitmdError, match="SHA256SUMS: cannot be read"):
        verify_release(tmp_path)
