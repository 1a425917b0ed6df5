"""Overlap, groups and L107 on images that are few, equal, plain, tiny, grey or damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.ingest.groups import find_places, groups
from rsitmd_tools.ingest.ingest import ingest
from rsitmd_tools.splitting import split
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import stored_images
from tests.pictures import cut, ground, photo
from tests.quality.written import write_dataset

Picture = Callable[[int], Image.Image]


def run(*arguments: object) -> Result:
    done = CliRunner().invoke(root.cli, [str(a) for a in arguments], standalone_mode=False)
    assert done.exception is None, done.exception
    return done


def folder_of(folder: Path, count: int, picture: Picture) -> Path:
    splits = ("train", "test")
    images = {
        f"{n}.png": (splits[n % 2], picture(n), f"Sentence {n} about trees.") for n in range(count)
    }
    return write_dataset(folder, folder.name, images)


def compared(folder: Path) -> dict[str, object]:
    """Run all outputs; return kinds of the pairs and codes of the findings of leakage."""
    page = folder.parent / "page.html"
    options = ("--same-place", "--workers", "1", "--html", page)
    document = json.loads(run("build", "overlap", folder, *options, "--json").stdout)
    assert page.read_text(encoding="utf-8").endswith("</html>")
    run("build", "overlap", folder, "--workers", "1")
    select = ("--select", "L,I106,I107", "--same-place", "--format", "json")
    findings = json.loads(run("validate", folder, *select).stdout)["findings"]
    return {
        "pairs": sorted((p["image_a"], p["image_b"], p["kind"]) for p in document["pairs"]),
        "codes": sorted({finding["code"] for finding in findings}),
        "compared": document["datasets"][0]["compared"],
    }


def plain(number: int) -> Image.Image:
    return Image.new("RGB", (64, 64), (30, 60 + number, 90))


def test_one_image_has_no_pair(tmp_path: Path) -> None:
    assert compared(folder_of(tmp_path / "a", 1, photo)) == {
        "pairs": [],
        "codes": [],
        "compared": 1,
    }


def test_images_that_are_all_equal_are_exact_pairs_of_the_first(tmp_path: Path) -> None:
    assert compared(folder_of(tmp_path / "a", 5, lambda _: photo(1))) == {
        "pairs": [("0.png", f"{n}.png", "exact") for n in range(1, 5)],
        "codes": ["I106", "L101"],
        "compared": 5,
    }


def test_plain_images_are_pairs_only_if_their_pixels_are_equal(tmp_path: Path) -> None:
    assert compared(folder_of(tmp_path / "a", 5, plain)) == {
        "pairs": [],
        "codes": [],
        "compared": 5,
    }
    found = compared(folder_of(tmp_path / "b", 4, lambda number: plain(number // 2)))
    assert found["pairs"] == [("0.png", "1.png", "exact"), ("2.png", "3.png", "exact")]


def test_tiny_images_are_compared(tmp_path: Path) -> None:
    def tiny(number: int) -> Image.Image:
        return photo(number % 3).resize((16, 16), Image.Resampling.BOX)

    found = compared(folder_of(tmp_path / "a", 5, tiny))
    assert found["pairs"] == [("0.png", "3.png", "exact"), ("1.png", "4.png", "exact")]


def test_grey_images_are_compared(tmp_path: Path) -> None:
    scene = ground(3)
    grey = [cut(scene, 0, 0), photo(1).convert("L"), cut(scene, 110, 0), cut(ground(4), 0, 0)]
    grey.append(grey[1].transpose(Image.Transpose.ROTATE_180))
    assert all(image.mode == "L" for image in grey)
    found = compared(folder_of(tmp_path / "a", 5, lambda number: grey[number]))
    assert found["pairs"] == [("0.png", "2.png", "same-place"), ("1.png", "4.png", "exact")]


def test_a_corrupt_file_among_them_is_left_out(tmp_path: Path) -> None:
    scene = ground(3)
    some = [cut(scene, 0, 0), photo(1), photo(2), cut(scene, 110, 0), photo(1)]
    folder = folder_of(tmp_path / "a", 5, lambda number: some[number].convert("RGB"))
    for name, content in (("2.png", b"\x89PNG\r\n\x1a\n"), ("1.png", b"")):
        (folder / "images" / name).write_bytes(content)
    found = compared(folder)
    assert found["pairs"] == [("0.png", "3.png", "same-place")]
    assert found["compared"] == 3
    codes = run("validate", folder, "--select", "I101", "--format", "json").stdout
    assert [finding["image"] for finding in json.loads(codes)["findings"]] == ["1.png", "2.png"]


def test_equal_names_in_two_datasets_are_different_images(tmp_path: Path) -> None:
    first = folder_of(tmp_path / "a", 3, photo)
    second = folder_of(tmp_path / "b", 3, lambda number: photo(2 - number))
    pairs = json.loads(run("build", "overlap", first, second, "--json").stdout)["pairs"]
    assert [(p["image_a"], p["image_b"], p["kind"]) for p in pairs] == [
        ("0.png", "2.png", "exact"),
        ("1.png", "1.png", "exact"),
        ("2.png", "0.png", "exact"),
    ]


@pytest.mark.parametrize(
    ("picture", "kinds"),
    [(lambda _: photo(1), {"exact"}), (plain, set()), (lambda n: photo(n % 2), {"exact"})],
    ids=["equal", "plain", "two pictures"],
)
def test_a_workspace_of_such_images_is_grouped(
    tmp_path: Path, picture: Picture, kinds: set[str]
) -> None:
    (tmp_path / "s" / "port").mkdir(parents=True)
    for number in range(4):
        # Other bytes of equal pixels: an equal file would be ingested once.
        image = picture(number)
        image.save(tmp_path / "s" / "port" / f"{number}.png", compress_level=number)
    with Workspace.create(tmp_path / "w") as workspace:
        ingest(workspace, [tmp_path / "s"], workers=1)
        find_places(workspace, workers=1)
        found = groups(workspace)
        assert {pair.kind for group in found for pair in group.pairs} == kinds
        split(workspace, {"train": 1.0, "val": 0.0, "test": 0.0})
        assert len(stored_images(workspace)) == 4
    page = tmp_path / "groups.html"
    run("build", "groups", tmp_path / "w", "--html", page)
    assert page.read_text(encoding="utf-8").count("<section") == len(found)


def test_an_empty_workspace_has_no_groups(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w").close()
    page = tmp_path / "groups.html"
    done = run("build", "groups", tmp_path / "w", "--same-place", "--html", page)
    assert done.stdout == "groups: 0 with 0 images\n"
    assert "0 groups with 0 images" in page.read_text(encoding="utf-8")


def test_read_only_folders_are_compared_and_stay_as_they_are(tmp_path: Path) -> None:
    scene = ground(3)
    some = [cut(scene, 0, 0), cut(ground(4), 0, 0), photo(1), cut(scene, 110, 0), photo(1)]
    folder = folder_of(tmp_path / "a", 5, lambda number: some[number].convert("RGB"))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    for path in (folder / "images", folder):
        path.chmod(0o555)
    try:
        found = compared(folder)
    finally:
        for path in (folder, folder / "images"):
            path.chmod(0o755)
    assert found["pairs"] == [("0.png", "3.png", "same-place"), ("2.png", "4.png", "exact")]
    # Also where the tests run as root, which may write everywhere.
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "a", 1, photo)
    (tmp_path / "none").touch()
    arguments = ["build", "overlap", str(folder), "--html", str(tmp_path / "none" / "page.html")]
    with pytest.raises(RsitmdError, match="none"):
        root.cli.main(arguments, standalone_mode=False)


def test_noise_has_no_pairs(tmp_path: Path) -> None:
    def noise(number: int) -> Image.Image:
        values = np.random.default_rng(number).integers(0, 256, (96, 96, 3), dtype=np.uint8)
        return Image.fromarray(values)

    assert compared(folder_of(tmp_path / "a", 6, noise))["pairs"] == []
