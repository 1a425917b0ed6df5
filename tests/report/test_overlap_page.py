"""Pages of overlaps and groups: pairs side by side, outlines, escaped text, bounded size."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rsitmd_tools.cli import root
from rsitmd_tools.ingest.groups import find_places, groups
from rsitmd_tools.ingest.ingest import ingest
from rsitmd_tools.report import overlap_page
from rsitmd_tools.report.overlap_page import render_groups
from rsitmd_tools.report.pairs import PairImage, PairOfImages, pair_order
from rsitmd_tools.workspace import Workspace
from tests.pictures import crops_with_a_lawn, cut, ground, jpeg, photo, save_pictures
from tests.quality.written import write_dataset

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    scene = ground(3)
    images = {
        "1.png": ("train", photo(1), f"{HOSTILE} a boat is near the long grey pier."),
        "2.png": ("test", jpeg(photo(1), 70), f"{HOSTILE} a boat is near a long grey pier."),
        "3.png": ("train", cut(scene, 0, 0).convert("RGB"), "Houses."),
        "<b>.png": ("test", cut(scene, 120, 0).convert("RGB"), "Houses."),
        "5.png": ("test", cut(ground(4), 0, 0).convert("RGB"), "More houses."),
    }
    return write_dataset(tmp_path / "a", f"</title>{HOSTILE}", images)


def run(*arguments: object) -> Result:
    done = CliRunner().invoke(root.cli, [str(a) for a in arguments], standalone_mode=False)
    assert done.exception is None, done.exception
    return done


def closed(text: str) -> None:
    """Assert that a page loads nothing and holds no markup of the data."""
    assert HOSTILE not in text and "<b>.png" not in text
    assert "<script" not in text
    assert not re.search(r"https?://", text)


def test_pairs_are_side_by_side_with_their_ground(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "overlap.html"
    run("build", "overlap", folder, "--same-place", "--html", page)
    text = page.read_text(encoding="utf-8")
    closed(text)
    assert "1 near, 1 same-place; 2 pairs across splits" in text
    assert text.count('class="card crossing"') == 2
    assert text.count("<image ") == 4
    near, place = re.findall(r'data-kind="[^"]*">.*?</div><p class="soft">([^<]*)', text, re.DOTALL)
    assert re.fullmatch(r"similar picture, similarity 0\.\d\d, 100% overlap", near)
    assert re.fullmatch(
        r"same place, \d+ inliers, \d+% of the keypoints agree, 5\d% overlap", place
    )
    areas = re.findall(r'<polygon class="area" points="([^"]*)"', text)
    xs = [[float(point.split(",")[0]) for point in area.split()] for area in areas]
    # The cuts are 120 of 256 pixels apart: in a picture of 240 pixels, 112.5.
    assert abs(min(xs[2]) - 112.5) < 3 and max(xs[2]) > 237
    assert min(xs[3]) < 3 and abs(max(xs[3]) - 127.5) < 3


def test_a_pair_that_was_found_by_its_pixels_says_so(tmp_path: Path) -> None:
    """In the text, the JSON and the page of datasets, and in those of a workspace."""
    first, second = (image.convert("RGB") for image in crops_with_a_lawn())
    images = {"1.png": ("train", first, "Houses."), "2.png": ("test", second, "Roads.")}
    folder, page = write_dataset(tmp_path / "a", "lawns", images), tmp_path / "overlap.html"
    out = run("build", "overlap", folder, "--same-place", "--json", "--html", page).stdout
    (pair,) = json.loads(out)["pairs"]
    assert pair["kind"] == "same-place" and pair["inliers"] is None and pair["distance"] < 0.1
    assert abs(pair["overlap"] - 46 / 256) < 0.01
    assert pair["matrix"] == [[1, 0, -210], [0, 1, 0]]
    expected = r"same place, pixels correlate by (0\.9\d|1\.00), 18% overlap"
    assert re.search(expected, page.read_text(encoding="utf-8"))
    findings = run("validate", folder, "--same-place", "--select", "L107", "--format", "json")
    assert len(json.loads(findings.stdout)["findings"]) == 1
    with Workspace.create(tmp_path / "w") as workspace:
        ingest(
            workspace,
            [save_pictures(tmp_path / "s", {"a/1.png": first, "b/2.png": second})],
            workers=1,
        )
        find_places(workspace, workers=1)
        (group,) = groups(workspace)
        assert [(p.kind, p.inliers) for p in group.pairs] == [("same-place", None)]
        assert re.search(expected, render_groups(workspace, [group]))


def test_pairs_across_splits_come_first_then_the_clearest_ones() -> None:
    def pair(kind: str, second: str, similarity: float, inliers: int | None) -> PairOfImages:
        images = (PairImage("a.png", None, "train"), PairImage("b.png", None, second))
        return PairOfImages(*images, kind, similarity=similarity, inliers=inliers)

    ordered = [
        pair("near", "test", 0.9, None),
        pair("same-place", "test", 0.7, None),
        pair("same-place", "test", 0.3, 90),
        pair("same-place", "test", 0.6, 8),
        pair("exact", "train", 1.0, None),
    ]
    mixed = ordered[::-1]
    assert sorted(mixed, key=pair_order) == ordered


def test_sentences_are_counted_and_shown(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "overlap.html"
    out = run("build", "overlap", folder, "--html", page).stdout
    assert re.search(r"train: 1 equal sentence, 1 nearly equal one in ", out)
    assert "images of one place were not searched; use --same-place" in out
    text = page.read_text(encoding="utf-8")
    assert "images of one place were not searched: use --same-place" in text
    assert text.count("&lt;img src=x onerror=alert(1)&gt; a boat is near the long grey pier.") == 2


def test_datasets_without_images_say_so_on_the_page(tmp_path: Path) -> None:
    texts = write_dataset(tmp_path / "t", "texts", {"1.png": ("train", None, "Two boats.")})
    page = tmp_path / "overlap.html"
    run("build", "overlap", texts, "--html", page)
    text = page.read_text(encoding="utf-8")
    assert "no image file, so only the sentences are compared" in text
    assert "No pairs of images" in text


def test_two_datasets_with_equal_names_keep_their_pictures_apart(
    folder: Path, tmp_path: Path
) -> None:
    other = write_dataset(
        tmp_path / "b", "other", {"1.png": ("train", photo(1).rotate(90), "A boat.")}
    )
    page = tmp_path / "overlap.html"
    run("build", "overlap", folder, other, "--html", page)
    pictures = set(re.findall(r'href="(data:image/jpeg[^"]*)"', page.read_text(encoding="utf-8")))
    assert len(pictures) >= 2, "1.png of both datasets"


def test_more_pairs_than_fit_are_counted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlap_page, "MOST_PAIRS", 1)
    page = tmp_path / "overlap.html"
    run("build", "overlap", folder, "--same-place", "--html", page)
    text = page.read_text(encoding="utf-8")
    assert text.count('class="card crossing"') == 1
    assert "1 more pair not drawn; use --json for all." in text


@pytest.fixture
def workspace_folder(tmp_path: Path) -> Path:
    scene = ground(3)
    images = {
        "port/1.png": photo(1),
        "port/2.png": jpeg(photo(1), 70),
        "town/1.png": cut(scene, 0, 0),
        "town/2.png": cut(scene, 120, 0),
    }
    with Workspace.create(tmp_path / "w") as opened:
        ingest(opened, [save_pictures(tmp_path / "s", images)], workers=1)
        find_places(opened, workers=1)
    return tmp_path / "w"


def test_groups_are_drawn_with_the_stored_map(workspace_folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "groups.html"
    run("build", "groups", workspace_folder, "--html", page)
    text = page.read_text(encoding="utf-8")
    closed(text)
    assert "2 groups with 4 images" in text
    assert text.count("<section") == 2 and text.count('class="area"') == 4
    assert re.search(r"same place, \d+ inliers, \d+% of the keypoints agree, 5\d% overlap", text)


def test_a_group_without_files_has_no_picture(workspace_folder: Path) -> None:
    (workspace_folder / "images" / "port_1.tif").unlink()
    with Workspace.open(workspace_folder) as workspace:
        text = render_groups(workspace, groups(workspace))
    assert text.count('class="blank"') == 1
    assert text.count("<image ") == 3


@pytest.mark.browser
@pytest.mark.parametrize("width", [1366, 400])
def test_the_page_fits_the_window(browser: Any, folder: Path, tmp_path: Path, width: int) -> None:
    file = tmp_path / "overlap.html"
    run("build", "overlap", folder, "--html", file)
    page = browser.new_page(viewport={"width": width, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".similar svg").count() == 2
    assert said == []
    page.close()
