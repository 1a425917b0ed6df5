"""The page of a search: everything escaped, nothing loaded, readable on a phone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rsitmd_tools.baselines.evaluation.search import Search
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.report import search_page
from rsitmd_tools.report.search_page import write_search_page

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    names = ("<b>.png", "port_2.png", "a-very-long-name-" * 8 + "3.png")
    for number, name in enumerate(names):
        Image.new("RGB", (64, 48), (60 * number, 90, 120)).save(tmp_path / name)
    images = [
        ImageRecord(name, (Sentence(f"{HOSTILE} a boat ."), Sentence("Two boats .")), (), "test")
        for name in names
    ]
    images.append(ImageRecord("absent.png"))
    return Dataset(f"</title>{HOSTILE}", tuple(images), tmp_path, "rsitmd", tmp_path)


def images_of(data: Dataset) -> Search:
    found = [
        {
            "rank": rank,
            "image": image.filename,
            "score": 0.5,
            "category": "<i>port</i>",
            "sentences": list(image.captions),
        }
        for rank, image in enumerate(data, 1)
    ]
    return Search(found, [f"words not in the vocabulary of the model: {HOSTILE}"])


def closed(text: str) -> None:
    assert "<script" not in text and "<b>" not in text and "<i>" not in text
    assert not re.search(r"https?://", text)


def test_a_page_of_images_is_closed(data: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    write_search_page(
        file, data, images_of(data), run=Path("runs/<i>"), text=HOSTILE, keywords=["<i>boat"]
    )
    text = file.read_text(encoding="utf-8")
    closed(text)
    assert text.count("data:image/jpeg") == 3
    assert text.count('class="blank"') == 1
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt; a boat .") == 3
    assert "4. absent.png" in text and "no sentences" in text


def test_blank_sentences_are_not_listed(data: Dataset, tmp_path: Path) -> None:
    done = images_of(data)
    done.found[0]["sentences"] = ["", "  "]
    done.found[1]["sentences"] = ["", "A boat."]
    write_search_page(tmp_path / "page.html", data, done, run=Path("run"), text="boat")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count("no sentences") == 2
    assert text.count("<li>") == 1 + 2


def test_a_page_of_sentences_has_the_query_image(data: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    entry = {"rank": 1, "sentence": HOSTILE, "score": 0.25, "category": None}
    done = Search([{**entry, "image": "port_2.png", "images": 3}], [])
    query = tmp_path / "port_2.png"
    write_search_page(file, data, done, run=Path("run"), image=query)
    text = file.read_text(encoding="utf-8")
    closed(text)
    assert 'alt="query image port_2.png"' in text
    assert "1. 0.2500; sentence of port_2.png and 2 other images" in text


def test_long_queries_and_many_results_are_cut(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_page, "MOST_RESULTS", 3)
    file = tmp_path / "page.html"
    write_search_page(file, data, images_of(data), run=Path("run"), text="z" * 10_000)
    text = file.read_text(encoding="utf-8")
    assert "z" * 301 not in text
    assert "1 more result; use --json for all." in text


@pytest.mark.browser
@pytest.mark.parametrize("width", [1366, 400])
def test_the_page_fits_the_window(browser: Any, data: Dataset, tmp_path: Path, width: int) -> None:
    file = tmp_path / "page.html"
    write_search_page(file, data, images_of(data), run=Path("r" * 200), text="z" * 10_000)
    page = browser.new_page(viewport={"width": width, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".hits > li").count() == 4
    assert said == []
    page.close()
