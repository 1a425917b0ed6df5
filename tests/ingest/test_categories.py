"""Categories from folders, tables and patterns, or none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.ingest.categories import FromPattern, FromTable
from rsitmd_tools.ingest.scan import scan
from rsitmd_tools.workspace import Workspace


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for number, name in enumerate(("one/a.png", "one/port-3.png", "two/farm-b.png", "c.png")):
        file = tmp_path / "source" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (60 * number, 0, 0)).save(file)
    return tmp_path / "source"


def categories(source: Path, rule: FromTable | FromPattern) -> dict[str, str]:
    return {found.relative: found.category for found in scan([source], rule).found}


def table(folder: Path, *rows: str, header: str = "file,category") -> FromTable:
    file = folder / "categories.csv"
    file.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return FromTable(file)


def test_a_table_gives_the_categories_it_has(tmp_path: Path, source: Path) -> None:
    rule = table(tmp_path, "one/a.png,Häfen", "./two/farm-b.png,farm", "absent.png,farm")
    scanned = scan([source], rule)
    found = {found.relative: found.category for found in scanned.found}
    assert found == {"one/a.png": "haefen", "two/farm-b.png": "farm"}
    assert scanned.uncategorised == [str(source / "c.png"), str(source / "one" / "port-3.png")]
    assert list(rule.unused) == ["absent.png"]


def test_a_table_may_have_other_columns_and_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\ufeffnote,category,file\nx,port,a.png\n", encoding="utf-8")
    assert list(FromTable(tmp_path / "t.csv").unused) == ["a.png"]


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ("../secret.png,port", "line 2: '../secret.png' is not a path below SRC"),
        ("a/../../b.png,port", "is not a path below SRC; use a path without '..'"),
        ("/etc/passwd.png,port", "is not a path below SRC"),
        ("..\\b.png,port", "is not a path below SRC"),
        ("a.png,", "line 2: has no file or no category"),
        ("a.png", "line 2 has 1 cell, the header has 2"),
        ("a.png,???", "cannot be used as a category"),
        ("a.png,port\na.png,farm", "line 3: 'a.png' has two categories"),
        ('"a.png,port', "is not CSV (line 2"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, row: str, line: str) -> None:
    with pytest.raises(RsitmdError) as caught:
        table(tmp_path, row)
    assert line in str(caught.value) and "categories.csv" in str(caught.value)


def test_a_table_needs_its_columns(tmp_path: Path) -> None:
    with pytest.raises(RsitmdError, match="has no column 'category'"):
        table(tmp_path, header="file,class")
    (tmp_path / "b.csv").write_bytes(b"file,category\n\xff,port\n")
    with pytest.raises(RsitmdError, match="is not UTF-8"):
        FromTable(tmp_path / "b.csv")
    with pytest.raises(RsitmdError, match="does not exist; check the path"):
        FromTable(tmp_path / "absent.csv")
    with pytest.raises(RsitmdError, match="has no columns 'file' and 'category'"):
        table(tmp_path, header="a,b")


@given(st.text(max_size=60))
def test_any_table_is_read_or_refused_in_one_line(text: str) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        Path(file.name).write_bytes(b"file,category\n" + text.encode("utf-8", "surrogatepass"))
        try:
            rule = FromTable(Path(file.name))
        except RsitmdError as error:
            assert "\n" not in str(error)
            return
    assert all(".." not in Path(name).parts for name in rule.unused)


def test_a_pattern_is_searched_in_the_path_below_the_source(source: Path) -> None:
    rule = FromPattern(r"(?P<category>[a-z]+)-")
    assert categories(source, rule) == {"one/port-3.png": "port", "two/farm-b.png": "farm"}
    assert scan([source], rule).uncategorised == [str(source / "c.png"), str(source / "one/a.png")]
    assert set(categories(source, FromPattern(r"^(?P<category>one)/")).values()) == {"one"}


@pytest.mark.parametrize("pattern", ["(", "[a-z]+", "(?P<class>a)"])
def test_a_pattern_without_the_group_is_wrong_usage(pattern: str) -> None:
    with pytest.raises(WrongUsage, match=r"--category-pattern.*use a pattern such as"):
        FromPattern(pattern)


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(root.cli, ["build", *map(str, arguments)])
    return done.exit_code, done.output


def test_without_categories_all_images_have_one(tmp_path: Path, source: Path) -> None:
    Workspace.create(tmp_path / "w").close()
    code, said = run("ingest", tmp_path / "w", source, "--no-category", "--json")
    assert code == 0
    report = json.loads(said[said.index("{") :])
    assert report["categories"] == {"image": 4}
    names = {path.name for path in (tmp_path / "w" / "images").iterdir()}
    assert names == {f"image_{number}.tif" for number in range(1, 5)}


def test_what_has_no_category_is_listed_and_not_added(tmp_path: Path, source: Path) -> None:
    Workspace.create(tmp_path / "w").close()
    file = tmp_path / "categories.csv"
    file.write_text("file,category\none/a.png,port\ngone.png,port\n")
    code, said = run("ingest", tmp_path / "w", source, "--categories", file)
    assert code == 0
    assert "images: 1 added" in said and "categories: port 1" in said
    assert f"no category: {source / 'c.png'}" in said
    assert "in the table of categories, but not found: gone.png" in said


def test_long_lists_are_cut(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w").close()
    (tmp_path / "photos").mkdir()
    for number in range(13):
        Image.new("RGB", (32, 32), (9 * number, 0, 0)).save(tmp_path / "photos" / f"{number}.png")
    assert run("ingest", tmp_path / "w", tmp_path / "photos", "--category", "port")[0] == 0
    code, said = run("ingest", tmp_path / "w", tmp_path / "photos", "--category", "farm")
    assert code == 0
    assert said.count("known under another category, which stays: ") == 11
    assert "known under another category, which stays: 3 more; use --json to list all" in said


@pytest.mark.parametrize("more", [(), ("--tile", "32", "--resize", "32")])
def test_names_that_become_one_category_are_noted(tmp_path: Path, more: tuple[str, ...]) -> None:
    names = ("1_11", "11_1", "Port", "port", "tennis court", "tennis-court", "f" * 61, "f" * 62)
    for number, name in enumerate(names):
        file = tmp_path / "s" / name / f"{number}.tif"
        file.parent.mkdir(parents=True)
        Image.new("RGB", (32, 32), (30 * number, 0, 0)).save(file)
    Workspace.create(tmp_path / "w").close()
    code, said = run("ingest", tmp_path / "w", tmp_path / "s", *more)
    assert code == 0 and "images: 8 added" in said
    notes = sorted(line for line in said.splitlines() if "are one category" in line)
    assert notes == [
        "note: '1_11', '11_1' are one category, 111; use --categories FILE to keep them apart",
        f"note: '{'f' * 61}', '{'f' * 62}' are one category, {'f' * 60};"
        " use --categories FILE to keep them apart",
    ]


def test_a_table_finds_a_file_whose_name_is_composed_in_another_way(tmp_path: Path) -> None:
    file = tmp_path / "s" / "cafe\u0301.png"
    file.parent.mkdir()
    Image.new("RGB", (32, 32)).save(file)
    rule = table(tmp_path, "caf\u00e9.png,port")
    assert categories(file.parent, rule) == {file.name: "port"}
    assert not rule.unused


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--category", "a", "--no-category"], "two ways to get categories"),
        (["--diverse", "2", "--per-category", "1"], "two ways of sampling"),
    ],
)
def test_options_that_exclude_each_other(
    tmp_path: Path, source: Path, options: list[str], words: str
) -> None:
    Workspace.create(tmp_path / "w").close()
    done = CliRunner().invoke(
        root.cli, ["build", "ingest", str(tmp_path / "w"), str(source), *options]
    )
    assert isinstance(done.exception, WrongUsage) or done.exit_code == 2
    assert words in done.output + str(done.exception)
