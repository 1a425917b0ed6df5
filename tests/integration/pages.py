"""Helpers for tests in a real browser: pages, what is in sight on them, and pictures of them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from rsitmd_tools.studio.api.accounts import invitation_link
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from tests.chromium import launched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Response

LAPTOP = (1366, 768)
DESKTOP = (1920, 1080)
PASSWORD = "a long password for tests"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


OpenPage = Callable[..., Any]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """A function that opens a page in a fresh profile, in a window of a given size."""
    contexts = []

    def make(size: tuple[int, int] = LAPTOP) -> Page:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


def sign_up(page: Page, client: Client, email: str) -> None:
    """Sign a browser up with the server's form, without opening a page."""
    _send_form(page, invitation_link(client), email, PASSWORD)


def log_in(page: Page, url: str, email: str, password: str = PASSWORD) -> None:
    """Log a browser in with the server's form, without opening a page."""
    _send_form(page, f"{url}/user/login/", email, password)


def _send_form(page: Page, address: str, email: str, password: str) -> None:
    requests = page.context.request  # they share the cookies of the pages
    requests.get(address)
    [token] = [c["value"] for c in page.context.cookies(address) if c["name"] == "csrftoken"]
    answer = requests.post(
        address,
        form={"email": email, "password": password, "csrfmiddlewaretoken": token},
        headers={"Referer": address},
        max_redirects=0,
    )
    assert answer.status == 302, answer.text()


def fill_in_form(page: Page, address: str, email: str, password: str = PASSWORD) -> None:
    """Sign up or log in on the page, as a person does."""
    page.goto(address)
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/user/" not in url)


def log_out(page: Page) -> None:
    # A call still under way brings the session's cookie back: the page is left first, and the
    # cookies are cleared until they stay away.
    page.goto("about:blank")
    for _ in range(50):
        page.context.clear_cookies()
        page.wait_for_timeout(200)
        if not page.context.cookies():
            return
    raise AssertionError("the session's cookie comes back")


def open_stream(page: Page, url: str, project: int) -> None:
    """Open the label stream and close the instructions that greet there."""
    page.goto(f"{url}/projects/{project}/data?labeling=1")
    close_guide(page)


def close_guide(page: Page) -> None:
    """Close the instructions that greet whoever opens the label stream."""
    greeting = page.locator(".lsf-modal-ls__content")
    greeting.wait_for()
    assert "How to caption an image" in greeting.inner_text()
    page.get_by_label("Close modal").click()
    greeting.wait_for(state="hidden")
    page.wait_for_function("document.querySelector('img[alt=image]')?.naturalWidth > 0")


def pushed(folder: Path) -> int:
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        return int(workspace.db.execute("SELECT server_id FROM project").fetchone()[0])


def in_sight(page: Page, part: Locator) -> bool:
    """Return whether an element is completely visible in the window and uncovered."""
    box, window = part.bounding_box(), page.viewport_size
    assert window is not None
    if box is None:
        return False
    right, low = box["x"] + box["width"], box["y"] + box["height"]
    inside = (
        box["x"] >= 0 and box["y"] >= 0 and right <= window["width"] and low <= window["height"]
    )
    # The corners and the middle belong to the element, or to what it holds.
    uncovered = part.evaluate(
        """element => {
            const box = element.getBoundingClientRect();
            return [[.05, .05], [.5, .5], [.95, .95]].every(([x, y]) => {
                const top = document.elementFromPoint(
                    box.x + x * box.width, box.y + y * box.height);
                return element === top || element.contains(top);
            });
        }"""
    )
    return inside and bool(uncovered)


def picture(page: Page) -> Locator:
    return page.locator(".rsitmd-picture .konvajs-content")


def shown_picture(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(picture(page).screenshot())).convert("RGB")


def assert_shows(page: Page, file: Path) -> None:
    """The pixels on the screen are those of the image, enlarged."""
    with Image.open(file) as image:
        expected = image.convert("RGB")
    for _ in range(50):  # the canvas is drawn some time after its image is loaded
        shown = shown_picture(page)
        if same_pixels(shown, expected) > 0.95 * 32 * 32:
            break
        page.wait_for_timeout(100)
    assert min(shown.size) >= 500
    assert same_pixels(shown, expected) > 0.95 * 32 * 32


def same_pixels(shown: Image.Image, expected: Image.Image) -> int:
    """Return how many of 32 x 32 places have the same colour in both pictures."""
    small = shown.resize(expected.size, Image.Resampling.BOX)
    return sum(
        max(abs(a - b) for a, b in zip(small.getpixel(at), expected.getpixel(at), strict=True)) < 24  # type: ignore[arg-type]
        for at in ((x, y) for x in range(4, 256, 8) for y in range(4, 256, 8))
    )


def sentence(page: Page, slot: int = 1) -> Locator:
    return page.locator(f"textarea[name=sentence{slot}]")


def keywords(page: Page) -> Locator:
    return page.locator("input[name=keywords]")


def submit_button(page: Page) -> Locator:
    return page.locator("button[name=submit]")


def posted(answer: Response) -> bool:
    return answer.request.method == "POST" and "/annotations" in answer.url


def shot(page: Page, name: str, *sizes: tuple[int, int]) -> None:
    """Take pictures in both sizes, or those given, where ``RSITMD_SHOTS`` names a folder."""
    folder = os.environ.get("RSITMD_SHOTS")
    before = page.viewport_size
    assert before is not None
    for width, height in (sizes or (LAPTOP, DESKTOP)) if folder else ():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(1000)  # the page fits the image to the window
        page.screenshot(path=f"{folder}/{name}-{width}.png")
    page.set_viewport_size(before)
