"""CSV files: their columns and rows, and faults named by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.ingest.categories import FromTable
from rsitmd_tools.studio.campaign.pilot import _read as references
from rsitmd_tools.text_files import read_rows


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


def read(file: Path, *required: str) -> list[tuple[int, dict[str, str]]]:
    return list(read_rows(file, required, "add it"))


@pytest.mark.parametrize("text", ["\ufeffa,b\n1,x\n\n2,y\n", "a\tb\r\n1\tx\r\n\r\n2\ty\r\n"])
def test_rows_have_their_line(file: Path, text: str) -> None:
    file.write_bytes(text.encode())
    assert read(file, "a", "b") == [(2, {"a": "1", "b": "x"}), (4, {"a": "2", "b": "y"})]


def test_a_cell_with_a_line_break_counts_as_two_lines(file: Path) -> None:
    file.write_text('a,b\n1,"x\ny"\n2,z\n')
    assert [line for line, _ in read(file)] == [3, 4]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", r"has no columns 'a' and 'b'; add it"),
        ("a\n1\n", r"has no column 'b'; add it"),
        ("a,b,a\n", "has two columns 'a'"),
        ("a,b\n1,2\n1,2,3\n", "line 3 has 3 cells, the header has 2; put texts with commas"),
        ('a,b\n1,"2\n', "is not CSV"),
        (f"a,b\n1,{'x' * 140_000}\n", r"is not CSV \(line 2: field larger than field limit"),
    ],
)
def test_a_fault_names_the_file(file: Path, text: str, fault: str) -> None:
    file.write_text(text)
    with pytest.raises(RsitmdError, match=fault) as error:
        read(file, "a", "b")
    assert str(error.value).startswith(f"{file}: ")


def test_references_of_a_pilot_are_read_so(file: Path) -> None:
    file.write_text("image\tsentence\n a.tif\t A boat. \na.tif\t\na.tif\tTwo boats.\n")
    assert references(file) == {"a.tif": ["A boat.", "Two boats."]}
    file.write_text("image,sentence\na.tif,A boat, and a pier.\n")
    with pytest.raises(RsitmdError, match="line 2 has 3 cells"):
        references(file)
    file.write_text(f"image,sentence\na.tif,{'x' * 140_000}\n")
    with pytest.raises(RsitmdError, match=r"is not CSV \(line 2"):
        references(file)


def test_categories_are_read_so(file: Path) -> None:
    file.write_text("file\tcategory\na.tif\tport\n")
    assert list(FromTable(file).unused) == ["a.tif"]
    file.write_text("file,category\na.tif,\n")
    with pytest.raises(RsitmdError, match=r"rows\.csv: line 2: has no file or no category"):
        FromTable(file)
