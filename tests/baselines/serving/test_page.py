"""The page in a real browser, as people use it: type, click, read; with keys alone; on a phone."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rsitmd_tools.dataset import Dataset
from tests.baselines.serving.conftest import HOSTILE, Serving
from tests.forks import Nursery
from tests.integration.pages import LAPTOP, OpenPage, browser, open_page, shot

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = pytest.mark.browser
PHONE = (390, 844)
IMAGES = """[...document.querySelectorAll('main img')].every(
    image => image.complete && image.naturalWidth > 0)"""
Watched = Callable[..., tuple[Any, list[str]]]


@pytest.fixture
def watched(open_page: OpenPage) -> Watched:
    """Open a page and note what it says on the console and asks of others."""

    def make(size: tuple[int, int] = LAPTOP) -> tuple[Page, list[str]]:
        page, said = open_page(size), []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on(
            "request",
            lambda request: said.extend([] if "//127.0.0.1:" in request.url else [request.url]),
        )
        return page, said

    return make


def until(page: Page, condition: str) -> None:
    """Wait for a condition; the policy of the page forbids what Playwright does for it."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(condition)


def search(page: Page, text: str) -> None:
    """Type a sentence and wait for its results and the words that mattered."""
    page.get_by_label("Sentence").fill(text)
    page.keyboard.press("Enter")
    page.locator("#status", has_text=f"for {text[:40]}").wait_for()


def wait_for_words(page: Page) -> None:
    until(page, "document.querySelectorAll('.chips').length === 2")


def fits(page: Page, size: tuple[int, int]) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth") <= size[0])


@pytest.mark.parametrize("size", [LAPTOP, PHONE])
def test_type_click_and_read(
    watched: Watched, serving: Serving, data: Dataset, size: tuple[int, int]
) -> None:
    page, said = watched(size)
    page.goto(serving.url)
    shot(page, "serve-first", size)
    text = f"{data.images[0].captions[0].rstrip(' .')} zxq"
    search(page, text)
    assert (
        page.locator(".note", has_text="words not in the vocabulary of the model: zxq").count() == 2
    )
    wait_for_words(page)
    words = page.locator("#words-0 .chips li").all_inner_texts()
    assert [word.split()[0] for word in words] == text.split()
    assert page.locator("#results section").count() == 2
    assert page.locator("section >> nth=0 >> li.card").count() == 12
    assert page.locator(".mattered", has_text="+").count() > 0
    until(page, IMAGES)
    assert fits(page, size)
    shot(page, "serve-found", size)

    page.get_by_label("Draw saliency over the images").check()
    page.get_by_label("Number of results").fill("3")
    page.get_by_role("button", name="Search").click()
    page.locator("#status", has_text="3 results").wait_for()
    assert page.locator("img.over").count() == 3
    page.locator("img.over").last.scroll_into_view_if_needed()
    until(page, IMAGES)
    page.evaluate("scrollTo(0, 0)")
    shot(page, "serve-saliency", size)

    first = page.locator("section >> nth=0 >> h3 >> nth=0").inner_text().removeprefix("1. ")
    page.get_by_role("link", name="More like this").first.click()
    page.wait_for_url("**/?*like=*")
    assert page.locator(".like").inner_text().startswith(f"Images like {first},")
    shown = page.locator("section >> nth=0 >> h3").all_inner_texts()
    assert len(shown) == 3
    assert first not in [text.split(". ", 1)[1] for text in shown]
    page.go_back()
    page.locator("#status", has_text="3 results for").wait_for()
    assert page.get_by_label("Sentence").input_value() == text
    page.go_back()
    page.locator("#status", has_text="12 results for").wait_for()
    assert page.locator("section >> nth=0 >> li.card").count() == 12
    assert fits(page, size)
    assert said == []


@pytest.mark.parametrize("size", [LAPTOP, PHONE])
def test_locate_zoom_and_click_a_window(
    watched: Watched, serving: Serving, size: tuple[int, int]
) -> None:
    page, said = watched(size)
    page.goto(serving.url)
    page.get_by_role("link", name="Locate").click()
    page.get_by_label("Run").select_option("vsepp")
    page.get_by_label("Number of windows").fill("3")
    search(page, "two boats")
    assert page.locator(".map rect.window").count() == 3
    assert page.locator(".windows li").count() == 3
    shot(page, "serve-located", size)
    whole = page.locator("svg.map").get_attribute("viewBox")
    page.locator(".map rect.window").last.click(position={"x": 4, "y": 4})
    until(page, f"document.querySelector('svg.map').getAttribute('viewBox') !== '{whole}'")
    assert "width=" in page.url and "run=1" in page.url
    shot(page, "serve-window", size)
    page.get_by_role("link", name="Whole scene").click()
    page.locator("#status", has_text="x 0 to 384, y 0 to 256").wait_for()
    page.get_by_role("link", name="Zoom in").click()
    page.locator("#status", has_text="x 96 to 288, y 64 to 192").wait_for()
    page.get_by_role("link", name="Hide the map").click()
    page.get_by_role("link", name="Show the map").wait_for()
    loaded = page.evaluate(
        """async () => {
            const image = new Image();
            image.src = document.querySelector('svg.map image').getAttribute('href');
            await image.decode();
            return [image.naturalWidth, image.naturalHeight];
        }"""
    )
    assert loaded == [192, 128]
    assert fits(page, size)
    assert said == []


def test_with_keys_alone_and_what_a_screen_reader_is_told(
    watched: Watched, serving: Serving
) -> None:
    page, _ = watched()
    page.goto(serving.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    order = []
    for _ in range(8):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id || document.activeElement.innerText"))
    assert order == ["Search", "Locate", "text", "keywords", "category", "k", "saliency", "Search"]
    # Each field has a name, and what changes is announced.
    for name in ("Sentence", "Keywords, separated by commas", "Category", "Number of results"):
        assert page.get_by_label(name).count() == 1
    status = page.get_by_role("status")
    assert status.get_attribute("aria-live") == "polite"
    page.get_by_label("Sentence").focus()
    page.keyboard.type("two boats")
    page.keyboard.press("Enter")
    page.locator("#status", has_text="12 results for two boats").wait_for()
    assert page.evaluate("document.activeElement.id") == "text"
    assert page.get_by_role("region", name="soft").count() == 1
    assert page.get_by_role("link", name="More like this: ").count() == 24
    # A window keeps the focus, so the next one is a Tab away.
    page.goto(f"{serving.url}locate?text=two+boats&k=3")
    page.locator("#window-1").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**width=*")
    until(page, "document.activeElement.id === 'window-1'")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "window-2"


def test_without_scripts_everything_can_be_reached(browser: Browser, serving: Serving) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(serving.url)
    page.get_by_label("Sentence").fill("two boats")
    page.get_by_label("Category").select_option("<b>bold</b>")
    page.get_by_role("button", name="Search").click()
    page.locator("li.card").nth(1).wait_for()
    page.get_by_role("link", name="Show the words that mattered").first.click()
    page.locator(".chips").nth(1).wait_for()
    page.get_by_role("link", name="More like this").first.click()
    page.locator(".like").wait_for()
    assert page.get_by_text("no images").count() == 2  # It is the only one of its category.
    page.goto(f"{serving.url}locate")
    page.get_by_label("Sentence").fill("two boats")
    page.get_by_role("button", name="Locate").click()
    page.locator("#window-1").click()
    page.wait_for_url("**width=*")
    context.close()


def test_markup_and_an_empty_query_in_the_browser(watched: Watched, serving: Serving) -> None:
    page, said = watched()
    page.goto(serving.url)
    search(page, HOSTILE)
    wait_for_words(page)
    assert page.get_by_label("Sentence").input_value() == HOSTILE
    page.get_by_label("Number of results").fill("100")
    page.get_by_role("button", name="Search").click()
    page.locator("#status", has_text="32 results").wait_for()
    assert page.locator(".captions li", has_text=HOSTILE).count() == 2
    assert said == []
    page.get_by_label("Sentence").fill("")
    page.keyboard.press("Enter")
    alert = page.get_by_role("alert")
    alert.filter(has_text="The query is empty: type a sentence or keywords.").wait_for()
    assert page.locator("li.card").count() == 0


def test_other_origins_reach_nothing(watched: Watched, serving: Serving, tmp_path: Path) -> None:
    """A page of another origin loads no picture, no script and no frame of the server."""
    (tmp_path / "evil.html").write_text(
        f"<img src='{serving.url}image/0.jpg' id=i><iframe src='{serving.url}'></iframe>"
        f"<script src='{serving.url}static/page.js'></script>"
    )
    page, _ = watched()
    statuses: list[int] = []
    page.on("response", lambda r: statuses.extend([r.status] if serving.url in r.url else []))
    page.goto((tmp_path / "evil.html").as_uri())
    page.wait_for_timeout(300)
    assert page.evaluate("document.getElementById('i').naturalWidth") == 0
    assert set(statuses) <= {403}
    done = page.evaluate(
        "url => fetch(url).then(a => a.text(), () => 'refused')", f"{serving.url}?text=boat"
    )
    assert done == "refused"


def test_the_page_shows_the_error_of_the_server(watched: Watched, serving: Serving) -> None:
    page, _ = watched()
    page.goto(serving.url)
    search(page, "a boat")
    line = "harbour_1.tif: does not exist"
    page.route(
        "**/?*", lambda route: route.fulfill(status=500, body=line, content_type="text/plain")
    )
    page.keyboard.press("Enter")
    page.get_by_role("alert").filter(has_text=line).wait_for()
    page.unroute("**/?*")
    # On a slow computer, the words of the results before are asked for only now.
    page.evaluate("htmx.ajax('GET', '/?text=boat', {target: '#busy', swap: 'none'})")
    assert page.locator("#trouble").is_visible()
    page.goto(serving.url)
    search(page, "a boat")
    assert page.locator("#trouble").is_hidden()


def test_the_page_says_when_the_server_stops_in_mid_request(
    watched: Watched, training_commands: Nursery, served_runs: list[Path], saved: Path
) -> None:
    made = Serving(training_commands, served_runs[1], saved)
    page, _ = watched()
    page.goto(made.url)
    search(page, "a boat")
    made.process.send_signal(signal.SIGSTOP)
    page.get_by_label("Sentence").fill("two boats")
    page.keyboard.press("Enter")
    page.locator("#busy.htmx-request").wait_for()
    assert page.locator("#trouble").is_hidden()
    assert made.stop(signal.SIGKILL) == -signal.SIGKILL
    trouble = page.get_by_role("alert").filter(has_text="The server does not answer.")
    trouble.wait_for()
    # What was found before is still there, and so is what was typed.
    assert page.locator("li.card").count() == 12
    assert page.get_by_label("Sentence").input_value() == "two boats"
    again = Serving(training_commands, served_runs[1], saved, port=made.port)
    page.get_by_role("button", name="Search").click()
    page.locator("#status", has_text="for two boats").wait_for()
    assert page.locator("#trouble").is_hidden()
    assert again.stop() == 130
