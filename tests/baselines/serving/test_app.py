"""What the pages show, and what they answer to bad input."""

from __future__ import annotations

import html
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from rsitmd_tools.baselines.evaluation.search import search
from rsitmd_tools.baselines.serving.app import make_app
from rsitmd_tools.baselines.serving.pictures import below_saliency
from rsitmd_tools.baselines.serving.site import Site
from rsitmd_tools.dataset import Dataset, Sentence
from tests.baselines.serving.conftest import HOSTILE, PORT, Ask


def names(page: str) -> list[list[str]]:
    """Return the names of the results of each run."""
    sections = page.split("<section")[1:]
    return [re.findall(r"<h3>\d+\. (.*)</h3>", section) for section in sections]


def test_the_first_view_has_examples_that_can_be_followed(ask: Ask, data: Dataset) -> None:
    page = ask("/")
    [first, *_] = re.findall(r'<li><a href="(/\?text=[^"]*)">', page)
    assert data.images[0].captions[0] in html.unescape(page)
    assert "12 results" in ask(html.unescape(first))


def test_both_runs_find_what_the_command_finds(
    ask: Ask, data: Dataset, served_runs: list[Path]
) -> None:
    text = data.images[0].captions[0]
    shown = names(ask("/", text=text, k=5))
    expected = [search(run, data, text, 5).found for run in served_runs]
    assert shown == [[entry["image"] for entry in found] for found in expected]
    assert f"{expected[0][0]['score']:.4f}" in ask("/", text=text, k=5)
    assert "number 1 of vsepp" in ask("/", text=text, k=32)


def test_a_wrong_parameter_leaves_the_others_in_the_form(ask: Ask) -> None:
    page = ask("/", status=400, text="a boat", keywords="white", k="many")
    assert 'value="a boat"' in page and 'value="white"' in page and 'value="12"' in page
    assert "No results." in page


def test_a_form_keeps_characters_that_the_page_shows_as_escapes(ask: Ask) -> None:
    page = ask("/", text="a \u2067boat\u2069")
    assert 'value="a \u2067boat\u2069"' in page
    assert r"for a \u2067boat\u2069" in page


def test_true_sentences_and_categories_are_shown_and_escaped(ask: Ask, data: Dataset) -> None:
    page = ask("/", text="a boat", k=100)
    assert len(names(page)[0]) == len(data)
    assert html.escape(data.images[3].captions[1]) in page
    assert HOSTILE not in page and "<b>" not in page
    assert html.escape(HOSTILE) in page and "&lt;b&gt;bold" in page


def test_a_category_limits_the_results(ask: Ask, data: Dataset) -> None:
    category = data.images[0].category
    assert category is not None
    [found, _] = names(ask("/", text="a boat", category=category, k=100))
    assert sorted(found) == sorted(i.filename for i in data if i.category == category)
    assert len(names(ask("/", text="a boat", category="<b>bold</b>"))[0]) == 1


def test_keywords_are_a_query(ask: Ask, data: Dataset, served_runs: list[Path]) -> None:
    keywords = list(data.images[0].keywords[:2])
    shown = names(ask("/", keywords=",".join(keywords), k=4))
    expected = search(served_runs[0], data, keywords=keywords, count=4).found
    assert shown[0] == [entry["image"] for entry in expected]
    assert "the model reads sentences only" in ask("/", text="a boat", keywords="sea")


def test_more_like_this_finds_the_nearest_other_images(
    ask: Ask, data: Dataset, served_runs: list[Path]
) -> None:
    page = ask("/", text="a boat", k=3)
    link = html.unescape(re.findall(r'href="(/\?[^"]*like=\d+[^"]*)"', page)[0])
    index = int(re.findall(r"like=(\d+)", link)[0])
    shown = names(ask(link))[0]
    path = data.image_path(data.images[index])
    expected = [e["image"] for e in search(served_runs[0], data, image=path, count=4).found]
    assert expected[0] == data.images[index].filename
    assert shown == expected[1:]
    assert "Show the words" not in ask(link)


@pytest.mark.parametrize("given", [{"text": ""}, {"text": " ", "keywords": " , "}])
def test_an_empty_query_says_so(ask: Ask, given: dict[str, str]) -> None:
    page = ask("/", status=400, **given)
    assert 'role="alert">The query is empty: type a sentence or keywords.' in page


def test_ten_thousand_characters_are_searched_and_more_are_not(ask: Ask) -> None:
    page = ask("/", text="boat " * 2000)
    assert "the sentence has 2000 words; only the first 100 are used" in page
    assert len(names(page)[0]) == 12
    page = ask("/", status=400, text="z" * 10_001)
    assert "The sentence has 10001 characters, more than 10000; use a shorter one." in page
    assert "z" * 1000 not in page


def test_unknown_words_are_named(ask: Ask) -> None:
    page = ask("/", text="boat zxq wvb")
    assert page.count("words not in the vocabulary of the model: zxq, wvb") == 2
    assert "the ranking is meaningless" not in page
    assert "the ranking is meaningless" in ask("/", text="zxq wvb")


def test_markup_in_a_query_is_text(ask: Ask) -> None:
    for given in ({"text": HOSTILE}, {"keywords": HOSTILE}, {"text": '"><img src=x onerror=a>'}):
        page = ask("/", **given)
        assert page.count("<script") == 2  # our own two files
        assert "<img src=x" not in page
    answer = ask("/words/0", text=HOSTILE)
    assert "<script" not in answer and html.escape(HOSTILE) in answer
    assert "<script>" not in ask("/", status=400, category=HOSTILE)


def test_the_form_keeps_a_query_as_it_was_typed(ask: Ask) -> None:
    # Persian is written with an invisible letter between two others.
    typed = "\u0645\u06cc\u200c\u0634\u0648\u062f"
    for address in ("/", "/locate"):
        assert f'value="{typed}"' in ask(address, text=typed)
    assert f'value="{typed}, boat"' in ask("/", keywords=f"{typed}, boat")


def test_blank_sentences_are_not_listed(data: Dataset, served_runs: list[Path]) -> None:
    first, second, *others = data.images
    blank = replace(first, sentences=(Sentence(""), Sentence(" ")))
    half = replace(second, sentences=(Sentence(""), Sentence("A boat.")))
    site = Site(served_runs[1:], data.with_images([blank, half, *others]), device="cpu")
    client = TestClient(make_app(site, PORT), base_url=f"http://127.0.0.1:{PORT}")
    page = client.get("/?text=boat&k=100").text
    assert page.count('<p class="soft">no sentences</p>') == 1
    assert "<li></li>" not in page and "<li> </li>" not in page


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("/?k=0&text=a", "The value of k is 0, not a whole number from 1 to 100"),
        ("/?like=-1", "The value of like is -1, not a whole number from 0 to 31"),
        ("/?category=none&text=a", "Unknown category none"),
    ],
)
def test_a_bad_address_gets_a_page_that_says_why(ask: Ask, address: str, message: str) -> None:
    assert message in ask(address, status=400)


@pytest.mark.parametrize(
    "address",
    [
        "/image/%2e%2e%2f%2e%2e%2fetc%2fpasswd.jpg",
        "/image/..%5c..%5cwindows.jpg",
        "/image//etc/passwd.jpg",
        "/image/-1.jpg",
        "/image/32.jpg",
        "/image/99999999999999999999999.jpg",
        "/image/1e1.jpg",
        f"/image/{'9' * 5000}.jpg",
        f"/words/{'9' * 5000}?text=a",
        f"/saliency/0/{'9' * 5000}.jpg",
        "/image/0.tif",
        "/saliency/2/0.jpg",
        "/saliency/0/32.jpg",
        "/words/2?text=a",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/docs",
        "/openapi.json",
    ],
)
def test_only_numbered_images_and_own_files_are_served(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    assert answer.text == "there is no such page\n"


def test_halves_of_surrogate_pairs_are_in_no_page(data: Dataset, served_runs: list[Path]) -> None:
    broken = [
        replace(image, category="c\ud800", sentences=(Sentence("a \ud800 red"), *image.sentences))
        for image in data.images[:4]
    ]
    site = Site(served_runs, data.with_images([*broken, *data.images[4:]]), device="cpu")
    client = TestClient(make_app(site, 8050), base_url="http://127.0.0.1:8050")
    for address in ("/", "/?text=red"):
        assert client.get(address).status_code == 200


def test_pictures_are_those_of_the_dataset(client: TestClient, data: Dataset) -> None:
    answer = client.get("/image/3.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    shown = np.asarray(Image.open(io.BytesIO(answer.content)), np.int16)
    with Image.open(data.image_path(data.images[3])) as image:
        expected = np.asarray(image.convert("RGB"), np.int16)
    assert shown.shape == expected.shape
    assert np.abs(shown - expected).mean() < 8


def test_saliency_is_drawn_where_there_is_mvsa(client: TestClient, ask: Ask) -> None:
    plain, drawn = (client.get(f"/{kind}/3.jpg").content for kind in ("image", "saliency/0"))
    small, large = (np.asarray(Image.open(io.BytesIO(each)), int) for each in (plain, drawn))
    assert small.shape == large.shape and np.abs(small - large).mean() > 10
    assert client.get("/saliency/1/3.jpg").status_code == 404  # without MVSA
    page = ask("/", text="a boat", saliency=1, k=2)
    assert re.findall(r'src="/saliency/(\d)/', page) == ["0", "0"]
    assert "this model has no saliency maps" in page
    assert "/saliency/" not in ask("/", text="a boat", k=2)


def test_the_bright_place_of_a_saliency_map_is_where_the_map_is_highest() -> None:
    pixels = np.full((64, 64, 3), 128, np.uint8)
    for scale, offset in ((1, 0), (0.001, -0.5), (7, 20)):  # of any scale, also negative
        salient = np.full((4, 4), offset, np.float32)
        salient[1, 2] += scale
        light = below_saliency(pixels, salient).astype(int).sum(axis=2)
        row, column = np.unravel_index(light.argmax(), light.shape)
        assert (row // 16, column // 16) == (1, 2)
        assert light[56, 8] == light.min() < light.max()


def test_an_image_that_is_gone_is_said_in_one_line(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "dataset", replace(site.dataset, image_folder=tmp_path))
    monkeypatch.setattr(site, "picture", site._picture)
    client = TestClient(make_app(site, PORT), base_url=f"http://127.0.0.1:{PORT}")
    answer = client.get("/image/0.jpg")
    assert answer.status_code == 500
    assert answer.text.endswith("image file does not exist; restore the file\n")
    assert client.get("/?text=boat").status_code == 200


def test_words_come_afterwards_or_with_the_page(ask: Ask, data: Dataset) -> None:
    page = ask("/", text="two boats .", k=3)
    assert page.count('hx-trigger="load"') == 2 and "+0." not in page
    link = html.unescape(re.findall(r'href="([^"]*words=1)"', page)[0])
    assert ask(link).count('class="chips"') == 2
    part = ask("/words/1", text="two boats .", k=3)
    assert re.findall(r"<li class=\"\w+\">(\S+) <span>", part) == ["two", "boats", "."]
    assert part.count('hx-swap-oob="true"') == 3
    assert "the query is blank" in ask("/words/0", status=400)


def test_a_scene_is_located_zoomed_and_shown(ask: Ask, client: TestClient) -> None:
    assert 'viewBox="0 0 384 256"' in ask("/locate")
    page = ask("/locate", text="two boats", k=3)
    assert "the scene has no CRS" in page
    windows = re.findall(r'id="window-(\d)" href="([^"]*)"', page)
    assert [number for number, _ in windows] == ["1", "2", "3"]
    zoomed = ask(html.unescape(windows[0][1]))
    box = [int(part) for part in re.findall(r'viewBox="([^"]*)"', zoomed)[0].split()]
    assert box[2] <= 256 and box[3] <= 256 and box[2:] != [384, 256]
    shown = html.unescape(re.findall(r'<image href="([^"]*)"', zoomed)[0])
    answer = client.get(shown)
    assert answer.status_code == 200
    assert Image.open(io.BytesIO(answer.content)).size == (box[2], box[3])
    plain = client.get(f"{shown}&plain=1")
    assert plain.content != answer.content


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"text": " "}, "The sentence is empty: type one."),
        ({"text": "a" * 10_001}, "The sentence has 10001 characters"),
        ({"x": "384"}, "The value of x is 384, not a whole number from 0 to 383"),
        (
            {"x": "10", "width": "375"},
            "width is 375, not a whole number from 0 to 374",
        ),
        ({"run": "2"}, "The value of run is 2, not a whole number from 0 to 1"),
    ],
)
def test_a_bad_query_of_a_scene_says_why(ask: Ask, given: dict[str, str], message: str) -> None:
    assert message in ask("/locate", status=400, **given)


def test_ten_thousand_characters_are_located(ask: Ask) -> None:
    page = ask("/locate", text="boat " * 2000, k=1)
    assert "the sentence has 2000 words; only the first 100 are used" in page


def test_unknown_words_and_markup_are_shown_for_a_scene(ask: Ask) -> None:
    page = ask("/locate", text=f"boat zxq {HOSTILE}")
    assert "words not in the vocabulary of the model: zxq, script" in page
    assert HOSTILE not in page


def test_without_a_scene_there_is_no_page_of_one(data: Dataset, served_runs: list[Path]) -> None:
    alone = Site(served_runs[:1], data, device="cpu")
    client = TestClient(make_app(alone, PORT), base_url=f"http://127.0.0.1:{PORT}")
    assert "/locate" not in client.get("/?text=boat").text
    assert client.get("/locate").status_code == 404
    assert 'class="runs"' in client.get("/?text=boat").text
