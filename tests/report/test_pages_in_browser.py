"""The pages of ingest, groups, overlap and suspects in a real browser, at two widths."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from rsitmd_tools.dataset.suspects import ranked
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.report.suspects_page import render_suspects
from rsitmd_tools.workspace import Workspace
from tests.command import rsitmd
from tests.ingest.scenes import CORNER, values, write_scene
from tests.pictures import cut, ground, jpeg, photo, save_pictures
from tests.quality.written import write_dataset
from tests.report.conftest import browser

__all__ = ["browser"]  # a fixture
pytestmark = pytest.mark.browser
# The browser decodes images after the page is loaded, and some of them only if they are in view.
IMAGES = """
Promise.all([...document.images].map(image => {
    image.loading = 'eager';
    return image.decode().then(() => image.naturalWidth > 0, () => false);
}))
"""
PICTURES = """
Promise.all([...document.querySelectorAll('svg image')].map(image => {
    const loaded = new Image();
    loaded.src = image.href.baseVal;
    return loaded.decode().then(() => loaded.naturalWidth > 0, () => false);
}))
"""


def done(*words: object) -> None:
    found = rsitmd("build", *words)
    assert found.returncode in (0, 1) and "Traceback" not in found.stderr, found.stderr


def ingest_page(folder: Path) -> Path:
    write_scene(folder / "s" / "north" / "a.tif", values(256, 256))
    far = CORNER @ CORNER.translation(20_000, 9_000)
    write_scene(folder / "s" / "south" / "b.tif", values(128, 192), transform=far)
    (folder / "s" / "south" / ("damaged-" * 12 + ".tif")).write_bytes(b"<b>")
    Workspace.create(folder / "w", "</title><b>").close()
    done("ingest", folder / "w", folder / "s", "--tile", 64, "--html", folder / "page.html")
    return folder / "page.html"


def groups_page(folder: Path) -> Path:
    scene = ground(3)
    images = {
        "port/1.png": photo(1),
        "port/2.png": jpeg(photo(1), 70),
        "town/3.png": cut(scene, 0, 0).convert("RGB"),
        "town/4.png": cut(scene, 120, 0).convert("RGB"),
    }
    Workspace.create(folder / "w").close()
    done("ingest", folder / "w", save_pictures(folder / "s", images))
    done("groups", folder / "w", "--same-place", "--html", folder / "page.html")
    return folder / "page.html"


def overlap_page(folder: Path) -> Path:
    scene = ground(3)
    images = {
        "1.png": ("train", photo(1), "A boat is near the long grey pier."),
        "2.png": ("test", jpeg(photo(1), 70), "A boat is near a long grey pier."),
        "3.png": ("train", cut(scene, 0, 0).convert("RGB"), "Houses."),
        "4.png": ("test", cut(scene, 120, 0).convert("RGB"), "Houses."),
    }
    data = write_dataset(folder / "a", "a-dataset-with-a-long-name-" * 3, images)
    done("overlap", data, "--same-place", "--html", folder / "page.html")
    return folder / "page.html"


def suspects_page(folder: Path) -> Path:
    names = ["long-name-" * 20 + ".png", "2.png", "3.png"]
    images = {
        name: ("train", photo(number), f"Sentence {number} of a grey pier.")
        for number, name in enumerate(names)
    }
    data = load_dataset(write_dataset(folder / "a", "a-dataset-with-a-long-name-" * 3, images))
    entries = [
        (names[0], 0, "word" * 100 + " <b>of a</b> sentence", 2.5, names[1]),
        (names[1], 0, images[names[1]][2], 1.5, names[0]),
        (names[2], 0, images[names[2]][2], 0.5, names[1]),
    ]
    page = folder / "page.html"
    page.write_text(render_suspects(ranked(entries, flagged=3), data), encoding="utf-8")
    return page


PAGES = {
    "ingest": (ingest_page, 22),
    "groups": (groups_page, 4),
    "overlap": (overlap_page, 4),
    "suspects": (suspects_page, 6),
}


@pytest.fixture(scope="module", params=PAGES)
def page(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, int]:
    """A page and its number of pictures."""
    make, count = PAGES[request.param]
    return make(tmp_path_factory.mktemp(request.param)), count


@pytest.mark.parametrize("width", [1366, 390])
def test_a_page_is_complete_and_fits(browser: Any, page: tuple[Path, int], width: int) -> None:
    file, count = page
    opened = browser.new_page(viewport={"width": width, "height": 768})
    said: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(file.as_uri())
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    shown = [*opened.evaluate(IMAGES), *opened.evaluate(PICTURES)]
    assert len(shown) == count
    assert all(shown)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.evaluate("document.documentElement.lang") == "en"
    assert opened.locator("h1").count() == 1
    if folder := os.environ.get("RSITMD_SHOTS"):
        opened.screenshot(path=f"{folder}/{file.parent.name}-{width}.png", full_page=True)
    opened.close()
