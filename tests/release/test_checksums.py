"""SHA256SUMS: every change of a release is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.release.checksums import compare_checksums, write_checksums


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    release = tmp_path / "release"
    (release / "images").mkdir(parents=True)
    (release / "images" / "a b_1.tif").write_bytes(b"picture")
    (release / "words.txt").write_text("words")
    assert list(write_checksums(release)) == ["images/a b_1.tif", "words.txt"]
    return release


def problems(folder: Path) -> list[tuple[str, str]]:
    return [(found.file, found.problem) for found in compare_checksums(folder)[1]]


def test_a_complete_release_passes(folder: Path) -> None:
    assert compare_checksums(folder) == (2, [])


def test_every_file_that_differs_is_named(folder: Path) -> None:
    (folder / "words.txt").write_text("other")
    (folder / "images" / "a b_1.tif").unlink()
    (folder / "images" / "more.tif").write_bytes(b"")
    assert problems(folder) == [
        ("images/a b_1.tif", "does not exist"),
        ("words.txt", "has a wrong checksum"),
        ("images/more.tif", "is not in SHA256SUMS"),
    ]


def test_a_file_that_became_a_link_is_found(folder: Path, tmp_path: Path) -> None:
    outside = (folder / "words.txt").rename(tmp_path / "words.txt")
    (folder / "words.txt").symlink_to(outside)
    assert problems(folder) == [("words.txt", "is a link; replace it with the file")]
    (folder / "images").rename(tmp_path / "images")
    (folder / "images").symlink_to(tmp_path / "images")
    assert ("images/a b_1.tif", "is a link; replace it with the file") in problems(folder)


def test_hidden_files_of_other_programs_are_ignored(folder: Path) -> None:
    for name in (".gitattributes", ".git/config", ".cache/huggingface/x", "images/.DS_Store"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    assert problems(folder) == []
    (folder / "images" / "x.tif").write_text("")
    assert problems(folder) == [("images/x.tif", "is not in SHA256SUMS")]


def test_a_listed_hidden_file_is_compared(folder: Path) -> None:
    (folder / ".words").write_text("words")
    write_checksums(folder)
    (folder / ".words").write_text("other")
    assert problems(folder) == [(".words", "has a wrong checksum")]


@pytest.mark.parametrize("line", ["nonsense", "0" * 64, "0" * 63 + "  words.txt", ""])
def test_a_malformed_list_names_the_line(folder: Path, line: str) -> None:
    (folder / "SHA256SUMS").write_text(f"{line}\n")
    with pytest.raises(RsitmdError, match="line 1: is not a checksum"):
        compare_checksums(folder)


def test_a_path_that_leaves_the_folder_is_never_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    (folder / "SHA256SUMS").write_text("0" * 64 + "  ../outside\n")
    assert ("../outside", "does not exist") in problems(folder)


def test_a_missing_list_is_a_one_line_error(tmp_path: Path) -> None:
    with pytest.raises(RsitmdError, match="SHA256SUMS: does not exist; get a complete copy"):
        compare_checksums(tmp_path)


def test_known_checksums_are_taken_as_they_are(folder: Path) -> None:
    before = (folder / "SHA256SUMS").read_text()
    known = {"images/a b_1.tif": "0" * 64}
    assert list(write_checksums(folder, known)) == ["images/a b_1.tif", "words.txt"]
    after = (folder / "SHA256SUMS").read_text()
    assert after.splitlines()[0] == f"{'0' * 64}  images/a b_1.tif"
    assert after.splitlines()[1:] == before.splitlines()[1:]
