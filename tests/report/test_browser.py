"""The page in a real browser: it loads whole, asks for nothing, and fits a phone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rsitmd_tools.report import write_report

MakeRun = Callable[..., Path]
IMAGES = "[...document.images].map(image => image.complete && image.naturalWidth > 0)"


@pytest.mark.browser
@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_loads_completely(
    browser: Any,
    make_run: MakeRun,
    analysis: dict[str, Any],
    tmp_path: Path,
    width: int,
    scheme: str,
) -> None:
    runs = [make_run("a-run-with-" + "quite-a-long-name-" * 5), make_run("<b>bold</b>")]
    (runs[0] / "analysis.json").write_text(json.dumps(analysis))
    write_report(runs, tmp_path / "report.html")
    context = browser.new_context(
        viewport={"width": width, "height": 768}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    address = (tmp_path / "report.html").as_uri()
    page.goto(address)
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [address]
    loaded = page.evaluate(IMAGES)
    assert len(loaded) == 10 + 2 + 2 * 2 + 2  # with the easiest, two pairs, and a map
    assert all(loaded)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = max(map(int, ground.removeprefix("rgb(").removesuffix(")").split(","))) < 100
    assert dark == (scheme == "dark")
    # The curves take the colours of the page, so they are seen in the dark too.
    line = page.evaluate("getComputedStyle(document.querySelector('svg path')).stroke")
    assert line.startswith("rgb(")
    # A screen reader reads the titles of the figures.
    assert page.evaluate("[...document.querySelectorAll('main svg')].every(s => s.ariaLabel)")
    page.get_by_role("link", name="likely false negatives").click()
    place = page.evaluate("document.querySelector('#false-negatives').getBoundingClientRect().top")
    assert abs(place) < 5
    context.close()
