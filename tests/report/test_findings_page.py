"""The page of findings, opened in a browser: pictures, filters, nothing of the data runs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.quality import check, check_subject, subject_of, summary
from rsitmd_tools.quality.baseline import Baseline
from rsitmd_tools.quality.output import Findings
from rsitmd_tools.report import findings_page
from rsitmd_tools.report.findings_page import render
from rsitmd_tools.similarity import average
from rsitmd_tools.workspace import Settings
from rsitmd_tools.workspace.settings import ImageIgnore
from tests.quality.conftest import FIVE, dataset, record
from tests.quality.rules.scenes import scene

HOSTILE = "<script>document.title='x'</script><img src=x onerror=alert(1)> many red boats lie here."


@pytest.fixture
def page_file(tmp_path: Path) -> Path:
    images = tmp_path / "images"
    images.mkdir()
    scene(1).save(images / "port_1.tif")
    scene(1).rotate(90).save(images / "farm_2.tif")
    scene(2).save(images / "farm_3.tif")
    data = dataset(
        record("port_1.tif", ["", HOSTILE, *FIVE[2:]], split="train"),
        record("farm_2.tif", ["Many farms lie here.", *FIVE[1:]], split="test"),
        record("farm_3.tif", [f"{n} red roofs stand beside a road." for n in range(5)]),
        record("<b>_4.tif", FIVE),
        folder=images,
        name="</title><script>alert(1)</script>",
    )
    subject = subject_of(data)
    result = check_subject(subject)
    file = tmp_path / "findings.html"
    file.write_text(render(Findings(subject, result, summary(data, result))), encoding="utf-8")
    return file


def test_data_is_escaped_and_the_page_loads_nothing_external(page_file: Path) -> None:
    text = page_file.read_text(encoding="utf-8")
    assert text.count("<script>") == 1
    assert "&lt;script&gt;document" in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    # Sentences are counted from 1.
    assert "sentence 1: the sentence is blank" in text
    assert "sentence 0" not in text


@pytest.mark.browser
def test_filters_pictures_and_pairs_in_chromium(browser: Any, page_file: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.goto(page_file.as_uri())
    assert page.title().startswith("Findings in </title>")
    widths = page.eval_on_selector_all("img", "all => all.map(i => i.naturalWidth)")
    assert len(widths) >= 3
    assert min(widths) > 50
    everything = page.locator("#images > .image:visible").count()
    page.select_option("#code", "S104")
    assert 0 < page.locator("#images > .image:visible").count() < everything
    codes = page.eval_on_selector_all(
        "#images li:not([hidden])", "all => all.map(l => l.dataset.code)"
    )
    assert set(codes) == {"S104"}
    page.select_option("#category", "farm")
    names = page.locator("#images > .image:visible h3").all_text_contents()
    assert len(names) == 1
    assert "farm_2.tif" in names[0]
    assert page.locator("#shown").inner_text() == "1 finding in 1 entry"
    page.select_option("#code", "")
    page.select_option("#category", "")
    page.select_option("#severity", "error")
    # The browser renders entries when they come into sight.
    page.locator("#images li", has_text="the sentence is blank").wait_for()
    assert page.locator(".similar .card").count() == 1
    assert "same picture" in page.locator(".similar").inner_text()
    assert said == []
    page.close()


CONTRASTS = """
[...document.querySelectorAll('.card .code')].map(code => {
    const back = getComputedStyle(code.closest('.card')).backgroundColor;
    const [low, high] = [getComputedStyle(code).color, back].map(colour => {
        const [r, g, b] = colour.match(/\\d+/g).map(part => {
            const share = part / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    }).sort((one, other) => one - other);
    return high / low;
})
"""


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_codes_are_readable_and_counts_are_in_view_on_a_phone(
    browser: Any, page_file: Path, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    page.goto(page_file.as_uri())
    # WCAG 2, level AA.
    assert min(page.evaluate(CONTRASTS)) >= 4.5
    table = page.locator(".codes").evaluate("table => table.parentElement.scrollWidth")
    assert table <= page.locator(".codes").evaluate("table => table.parentElement.clientWidth")
    page.close()


@pytest.mark.browser
def test_images_are_laid_out_when_they_come_into_view(browser: Any, tmp_path: Path) -> None:
    """A browser takes half a minute to lay out 5000 images at once."""
    data = dataset(*(record(f"port_{n}.tif", ["", *FIVE[1:]]) for n in range(60)))
    (tmp_path / "page.html").write_text(page_of(data), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((tmp_path / "page.html").as_uri())
    last = page.locator("#images > .image").last
    laid_out = "image => image.querySelector('li').checkVisibility({contentVisibilityAuto: true})"
    assert not last.evaluate(laid_out)
    last.scroll_into_view_if_needed()
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    assert last.evaluate(laid_out)
    page.close()


def page_of(data: Dataset, settings: Settings | None = None) -> str:
    subject = subject_of(data, settings)
    result = check_subject(subject)
    return render(Findings(subject, result, summary(data, result)))


def test_ignored_pairs_are_not_shown(tmp_path: Path) -> None:
    for number, name in ((1, "port_1"), (1, "farm_2"), (2, "farm_3"), (2, "port_4")):
        scene(number).save(tmp_path / f"{name}.tif")
    names = ("port_1.tif", "farm_2.tif", "farm_3.tif", "port_4.tif")
    data = dataset(*(record(name) for name in names), folder=tmp_path)
    assert page_of(data).count("same picture, 100% overlap</p>") == 2
    ignored = ImageIgnore("farm_2.tif", ("I106",), "another day")
    some = replace(Settings(), validate=replace(Settings().validate, image_ignores=(ignored,)))
    assert page_of(data, some).count("same picture, 100% overlap</p>") == 1
    file = tmp_path / "known.json"
    Baseline.of(check(data), data).write(file)
    known = replace(Settings(), validate=replace(Settings().validate, baseline=file))
    assert "Similar images" not in page_of(data, known)


def test_limits_of_pictures_and_pairs_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(4):
        scene(n // 2).save(tmp_path / f"port_{n}.tif")
    data = dataset(*(record(f"port_{n}.tif", ["", *FIVE[1:]]) for n in range(4)), folder=tmp_path)
    assert "with a picture" not in page_of(data)
    monkeypatch.setattr(findings_page, "MOST_PICTURES", 1)
    monkeypatch.setattr(findings_page, "MOST_PAIRS", 1)
    text = page_of(data)
    assert "1 image with a picture: some of each code" in text
    assert text.count('loading="lazy"') == 1
    assert "Here is the first pair; 1 more pair among the findings." in text


def test_a_page_of_many_images_has_each_code_and_the_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = dataset(
        *(record(f"port_{n}.tif", FIVE, keywords=()) for n in range(20)),
        record("farm_20.tif", ["", *FIVE[1:]]),
        *(record(f"port_{n}.tif", FIVE, keywords=()) for n in range(21, 30)),
        record("farm_30.tif", ["", *FIVE[1:]]),
        record("farm_31.tif", ["", *FIVE[1:]]),
    )
    everything = page_of(data)
    assert "entries: the first" not in everything
    entries = everything.count('<section class="card image"')
    monkeypatch.setattr(findings_page, "MOST_IMAGES", 6)
    monkeypatch.setattr(findings_page, "OF_EACH_CODE", 2)
    text = page_of(data)
    assert f"Here are 6 of {entries} entries: the first 2 of each code" in text
    # Two with K101, two with S103, two with S101, and a third with S101; in the order of the data.
    ports, farms = [f"port_{n}.tif" for n in range(3)], [f"farm_{n}.tif" for n in (20, 30, 31)]
    assert re.findall(r"<h3>(\S+\.tif)", text) == ports + farms


def test_an_average_similarity_of_a_sample_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    data = dataset(record("farm_2.tif"), record("port_1.tif"))
    assert "<dt>average similarity</dt>" in page_of(data)
    monkeypatch.setattr(average, "MOST_PAIRS", 10)
    assert "<dt>average similarity (sample of 1 image)</dt>" in page_of(data)


def test_an_image_links_to_its_task() -> None:
    data = dataset(record("farm_2.tif", ["", *FIVE[1:]]), record("port_1.tif", ["", *FIVE[1:]]))
    subject = subject_of(data)
    result = check_subject(subject)
    address = 'https://label.example.org/projects/7/data?task=3&x="y'
    found = Findings(subject, result, summary(data, result))
    text = render(found, {"farm_2.tif": address})
    assert text.count("https://label.example.org/projects/7/data?task=3") == 1
    assert 'x="y' not in text
    assert "https://" not in render(found)


def test_images_of_another_dataset_are_side_by_side(tmp_path: Path) -> None:
    for folder in ("new", "old"):
        (tmp_path / folder).mkdir()
    scene(1).save(tmp_path / "new" / "port_1.tif")
    scene(1).rotate(90).save(tmp_path / "old" / "port_1.tif")
    new = dataset(record("port_1.tif", split="test"), folder=tmp_path / "new", name="new")
    old = dataset(record("port_1.tif", split="train"), folder=tmp_path / "old", name="<old>")
    subject = subject_of(new, against=[old])
    result = check_subject(subject)
    text = render(Findings(subject, result, summary(new, result)))
    assert "same picture, 100% overlap" in text
    assert '<span class="soft">&lt;old&gt;</span>' in text
    pictures = re.findall(r'<image href="([^"]*)"', text)
    assert len(set(pictures)) == 2, "each dataset has its own picture"
