"""Files that are found, their order and their categories."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.ingest.scan import safe_category, scan, shown
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import stored_images


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")


def names(source: Path) -> list[str]:
    return [str(found.path.relative_to(source)) for found in scan([source]).found]


def test_files_are_in_natural_order(tmp_path: Path) -> None:
    touch(*(tmp_path / "a" / f"{n}.jpg" for n in ("10", "2", "1", "01")), tmp_path / "B" / "1.tif")
    assert names(tmp_path) == ["B/1.tif", "a/01.jpg", "a/1.jpg", "a/2.jpg", "a/10.jpg"]


NUMBERED = re.compile(r"([0-9]+)\.jpg")
NAMES = st.text("ab019٣", min_size=1, max_size=5)


@given(
    st.lists(NAMES | st.builds("a{}/{}".format, st.integers(0, 20), NAMES), unique=True, max_size=8)
)
def test_the_order_is_total_and_by_number(texts: list[str]) -> None:
    found = []
    for order in (texts, texts[::-1]):
        with tempfile.TemporaryDirectory() as folder:
            touch(*(Path(folder) / f"{text}.jpg" for text in order))
            found.append(names(Path(folder)) if texts else [])
    assert found[0] == found[1]
    numbers = [int(match[1]) for name in found[0] if (match := NUMBERED.fullmatch(name))]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("Häfen & Straßen", "haefenstrassen"),
        ("Ha\u0308fen", "haefen"),
        ("Cliché_Œuvre", "clicheoeuvre"),
        ("baseball-field", "baseballfield"),
        ("dense residential 2", "denseresidential2"),
        ("x" * 200, "x" * 60),
        ("İstanbul Łódź", "istanbullodz"),
    ],
)
def test_categories_are_ascii(name: str, category: str) -> None:
    assert safe_category(name) == category


@pytest.mark.parametrize("name", ["机场1", "港口1", "port α", "???"])
def test_a_name_that_would_lose_letters_is_no_category(tmp_path: Path, name: str) -> None:
    with pytest.raises(WrongUsage, match=r"cannot be used as a category.*--categories FILE"):
        safe_category(name)
    (tmp_path / name).mkdir()
    (tmp_path / name / "a.png").touch()
    with pytest.raises(WrongUsage, match=r"a\.png.*cannot be used as a category"):
        scan([tmp_path])


@given(st.text())
def test_a_safe_category_is_unchanged(name: str) -> None:
    try:
        category = safe_category(name)
    except WrongUsage as error:
        assert "--category" in str(error) and "\n" not in str(error)
        return
    assert re.fullmatch("[a-z0-9]{1,60}", category)
    assert safe_category(category) == category


@pytest.mark.parametrize(
    ("file", "category"),
    [
        ("harbour/1.jpg", "harbour"),
        ("deep/down/beach/1.jpg", "beach"),
        ("images/port_3.jpg", "port"),
        ("images/81.jpg", "source"),
        ("farm/images/81.jpg", "farm"),
        ("port_3.jpg", "port"),
        ("81.jpg", "source"),
        ("harbour/port_3.jpg", "harbour"),
    ],
)
def test_the_category_of_a_file(tmp_path: Path, file: str, category: str) -> None:
    source = tmp_path / "source"
    touch(source / file)
    (found,) = scan([source]).found
    assert found.category == category
    (given_one,) = scan([source], "Given One").found
    assert given_one.category == "givenone"


def test_a_single_file_has_the_given_category_or_that_of_its_folder(tmp_path: Path) -> None:
    touch(tmp_path / "farm" / "1.jpg", tmp_path / "farm" / "port_1.jpg")
    found = scan([tmp_path / "farm" / "1.jpg", tmp_path / "farm" / "port_1.jpg"]).found
    assert [f.category for f in found] == ["farm", "port"]


def test_a_folder_without_letters_needs_a_category(tmp_path: Path) -> None:
    touch(tmp_path / "港口" / "1.jpg")
    with pytest.raises(WrongUsage, match=r"港口.*--category"):
        scan([tmp_path])
    assert scan([tmp_path], "port").found[0].category == "port"


def test_two_folders_that_differ_in_case_are_one_category(tmp_path: Path) -> None:
    touch(tmp_path / "Port" / "1.jpg", tmp_path / "port" / "1.jpg")
    assert {f.category for f in scan([tmp_path]).found} == {"port"}


def test_other_files_are_counted_and_hidden_files_ignored(tmp_path: Path) -> None:
    touch(*(tmp_path / "port" / n for n in ("a.JPG", "b.TifF", "c.txt", ".d.png", ".e/f.png")))
    scanned = scan([tmp_path])
    assert [f.path.name for f in scanned.found] == ["a.JPG", "b.TifF"]
    assert scanned.other_files == {".txt": 1}


def test_links_that_leave_the_source_are_not_followed(tmp_path: Path) -> None:
    source, outside = tmp_path / "source" / "port", tmp_path / "outside"
    touch(source / "in.png", outside / "secret.png")
    (source / "link-in.png").symlink_to("in.png")
    (source / "link-out.png").symlink_to(outside / "secret.png")
    (source / "link-up.png").symlink_to("../../outside/secret.png")
    (source / "broken.png").symlink_to("nothing.png")
    (source / "loop.png").symlink_to("loop.png")
    (source / "folder").symlink_to(outside)
    (source / "circle").symlink_to(source)
    scanned = scan([tmp_path / "source"])
    assert [f.path.name for f in scanned.found] == ["in.png", "link-in.png"]
    assert scanned.other_files == {"link": 6}


def test_a_pipe_named_as_an_image_does_not_block(tmp_path: Path) -> None:
    touch(tmp_path / "port" / "a.png")
    os.mkfifo(tmp_path / "port" / "pipe.png")
    scanned = scan([tmp_path])
    assert [f.path.name for f in scanned.found] == ["a.png"]
    assert scanned.other_files == {"special file": 1}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("absent", "absent: does not exist; pass a folder of images"),
        ("empty", "empty: contains no TIFF, JPEG, PNG, WebP, JPEG 2000 or VRT file"),
        ("texts", "texts: contains no TIFF, JPEG, PNG, WebP, JPEG 2000 or VRT file"),
        ("w", "w: is inside the workspace; pass a folder outside of it"),
        ("w/images", "w/images: is inside the workspace"),
        ("link-to-w", "link-to-w: is inside the workspace"),
    ],
)
def test_sources_without_usable_files_are_errors(tmp_path: Path, name: str, line: str) -> None:
    (tmp_path / "empty").mkdir()
    touch(tmp_path / "texts" / "a.txt", tmp_path / "w" / "images" / "port_1.tif")
    (tmp_path / "link-to-w").symlink_to("w")
    with pytest.raises(RsitmdError, match=re.escape(line)):
        scan([tmp_path / name], leave_out=tmp_path / "w")


def test_the_workspace_inside_a_source_is_left_out(tmp_path: Path) -> None:
    touch(tmp_path / "port" / "a.png", tmp_path / "w" / "images" / "port_1.tif")
    assert [f.path.name for f in scan([tmp_path], leave_out=tmp_path / "w").found] == ["a.png"]


def test_an_unreadable_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "port" / "a.png", tmp_path / "shut" / "b.png")
    real = os.scandir

    def refuse(place: str) -> object:
        if os.fspath(place).endswith("shut"):
            raise PermissionError(13, "Permission denied", place)
        return real(place)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(RsitmdError, match=r"shut: cannot be read \(permission denied\)"):
        scan([tmp_path])


def test_names_that_are_not_utf8_are_found_and_shown(tmp_path: Path) -> None:
    folder = tmp_path / "port"
    folder.mkdir()
    try:
        (Path(os.fsdecode(os.fsencode(folder) + b"/b\xff.png"))).write_bytes(b"x")
    except OSError:
        pytest.skip("the file system refuses such names")
    touch(folder / "a.png")
    found = scan([tmp_path]).found
    assert [f.relative.encode("utf-8", "backslashreplace") for f in found] == [
        b"port/a.png",
        b"port/b\\udcff.png",
    ]
    assert found[1].source == f"{folder}/b\\xff.png"
    assert all(f.path.read_bytes() == b"x" for f in found)


def test_names_that_are_equal_after_normalisation_are_two_files(tmp_path: Path) -> None:
    touch(tmp_path / "Hafen" / "é.png", tmp_path / "hafen" / "e\u0301.png")
    touch(tmp_path / "HAFEN" / "É.png")
    found = scan([tmp_path]).found
    assert len({f.file for f in found}) == 3 and {f.category for f in found} == {"hafen"}


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    touch(tmp_path / "source" / "port" / "a.png")
    (tmp_path / "source" / "port" / "again").symlink_to("..")
    (tmp_path / "source" / "one.png").symlink_to("two.png")
    (tmp_path / "source" / "two.png").symlink_to("one.png")
    scanned = scan([tmp_path / "source"])
    assert [f.relative for f in scanned.found] == ["port/a.png"]
    assert scanned.other_files.total() == 3


def test_a_link_as_source_is_followed(tmp_path: Path) -> None:
    touch(tmp_path / "photos" / "port" / "a.png")
    (tmp_path / "link").symlink_to("photos")
    (found,) = scan([tmp_path / "link"]).found
    assert found.source == str(tmp_path.resolve() / "photos" / "port" / "a.png")
    assert found.path == tmp_path / "link" / "port" / "a.png"


def scan_many(folder: Path, count: int) -> float:
    """Scan a folder of many names in another process; return its peak memory in bytes a name."""
    (folder / "port").mkdir(parents=True)
    for number in range(count):
        os.close(os.open(folder / "port" / f"image_{number}.png", os.O_CREAT | os.O_WRONLY))
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from rsitmd_tools.ingest.scan import scan\n"
        "from tests.memory import peak_memory\n"
        "before = peak_memory()\n"
        "found = scan([Path(sys.argv[1])]).found\n"
        "peak = peak_memory()\n"
        "assert [f.relative for f in found[1:4]] == [f'port/image_{n}.png' for n in (1, 2, 3)]\n"
        "print(len(found), peak - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True
    )
    total, grown = map(int, done.stdout.split())
    assert total == count
    return grown / count


def test_many_names_in_one_folder_take_little_memory(tmp_path: Path) -> None:
    assert scan_many(tmp_path, 20_000) < 1000


@pytest.mark.soak
def test_a_million_names_in_one_folder_take_little_memory(tmp_path: Path) -> None:
    assert scan_many(tmp_path, 1_000_000) < 600


@pytest.mark.parametrize("count", [5000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_the_command_chooses_among_many_names(count: int, tmp_path: Path) -> None:
    """`build ingest` of five images, with the names alone in memory."""
    picture = io.BytesIO()
    Image.new("L", (16, 16), 255).save(picture, "TIFF")
    before, after = picture.getvalue().split(b"\xff" * 256)
    (tmp_path / "source" / "port").mkdir(parents=True)
    for number in range(count):
        pixels = number.to_bytes(4, "big") * 64
        (tmp_path / "source" / "port" / f"image_{number}.tif").write_bytes(before + pixels + after)
    Workspace.create(tmp_path / "w").close()
    words = ["build", "ingest", tmp_path / "w", tmp_path / "source", "--per-category", "5"]
    program = (
        "import runpy\n"
        "from tests.memory import peak_memory\n"
        "try:\n"
        "    runpy.run_module('rsitmd_tools', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert not end.code\n"
        "print(peak_memory())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)], stdout=subprocess.PIPE, check=True
    )
    with Workspace.open(tmp_path / "w") as workspace:
        assert len(stored_images(workspace)) == 5
    assert int(done.stdout.split()[-1]) < 200e6 + 1000 * count


@given(st.text(st.characters(blacklist_characters="\0", codec="utf-8"), min_size=1))
def test_a_path_is_shown_as_it_is(text: str) -> None:
    assert shown(Path(text)) == str(Path(text))
