"""The page that annotators see, in a real browser: sign up, look, write, submit, pull."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from rsitmd_tools.studio.accounts import invitation_link
from rsitmd_tools.studio.client import Client
from rsitmd_tools.studio.pull import pull
from rsitmd_tools.studio.push import push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Response

    from rsitmd_tools.studio.server import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

pytestmark = [pytest.mark.integration, pytest.mark.browser]

LAPTOP = (1366, 768)
DESKTOP = (1920, 1080)
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "a long password for tests"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: make install"
    )
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium found: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


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
    page.goto(invitation_link(client))
    _send_form(page, email)


def log_in(page: Page, url: str, email: str) -> None:
    page.goto(f"{url}/user/login/")
    _send_form(page, email)


def _send_form(page: Page, email: str) -> None:
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/user/" not in url)


def open_stream(page: Page, url: str, project: int) -> None:
    """Open the label stream and close the instructions that greet there."""
    page.goto(f"{url}/projects/{project}/data?labeling=1")
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
    """Say whether an element is whole inside the window and nothing lies over it."""
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
    shown = shown_picture(page)
    assert min(shown.size) >= 500
    small = shown.resize(expected.size, Image.Resampling.BOX)
    same = sum(
        max(abs(a - b) for a, b in zip(small.getpixel(at), expected.getpixel(at), strict=True)) < 24  # type: ignore[arg-type]
        for at in ((x, y) for x in range(4, 256, 8) for y in range(4, 256, 8))
    )
    assert same > 0.95 * 32 * 32


def sentence(page: Page, slot: int = 1) -> Locator:
    return page.locator(f"textarea[name=sentence{slot}]")


def keywords(page: Page) -> Locator:
    return page.locator("input[name=keywords]")


def submit_button(page: Page) -> Locator:
    return page.locator("button[name=submit]")


def posted(answer: Response) -> bool:
    return answer.request.method == "POST" and "/annotations" in answer.url


@pytest.mark.parametrize("size", [LAPTOP, DESKTOP])
def test_an_annotator_signs_up_writes_and_pull_brings_exactly_that(
    size: tuple[int, int],
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    folder = make_workspace(images=2, how="upload")
    project = pushed(folder)
    email = f"browser{size[0]}@example.org"
    page = open_page(size)
    sign_up(page, client, email)
    page.context.clear_cookies()
    log_in(page, server.url, email)
    open_stream(page, server.url, project)

    assert_shows(page, folder / "images" / "harbour_1.tif")
    for part in (picture(page), sentence(page), keywords(page), submit_button(page)):
        assert in_sight(page, part)
    for words in ("what lies beside what", "three planes", "ship, boat, vessel", "- port"):
        assert in_sight(page, page.get_by_text(words))
    left, right = picture(page).bounding_box(), sentence(page).bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"]  # beside, not below

    written = 'Three naïve ships 🚢 lie beside the <b>red</b> & "old" quay.'
    sentence(page).click()
    page.keyboard.type(written)
    keywords(page).click()
    page.keyboard.type("red quay")
    page.keyboard.press("Enter")
    page.keyboard.type("- ship")  # never added by Enter: Submit takes it all the same
    submit_button(page).click()
    page.wait_for_function("document.querySelector('textarea[name=sentence1]')?.value === ''")
    page.wait_for_function("document.querySelector('img[alt=image]')?.naturalWidth > 0")
    assert_shows(page, folder / "images" / "harbour_2.tif")

    # The second one by keys alone, with a line break.
    sentence(page).click()
    page.keyboard.type("Two boats")
    page.keyboard.press("Enter")
    page.keyboard.type("leave the port.")
    page.keyboard.press("Tab")
    page.keyboard.type("white boat")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # inside a field the server's page hears no hot key
    with page.expect_response(posted) as answer:
        page.keyboard.press("Control+Enter")
    assert answer.value.status == 201

    with Workspace.open(folder, write=True) as workspace:
        report = pull(workspace)
        assert (report.new, report.blank, report.folded) == (2, 0, 1)
        first, second = merged_images(workspace)
    assert [(s.annotator, s.raw) for s in first.sentences] == [(email, written)]
    assert first.keywords == ("red quay", "- ship")
    assert second.captions == ("Two boats leave the port.",)
    assert second.keywords == ("white boat",)


def test_five_areas_of_one_annotator_are_in_sight_too(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    folder = make_workspace(
        images=1,
        how="upload",
        settings="[annotation]\nannotators_per_image = 1\nsentences_per_annotator = 5\n",
    )
    project = pushed(folder)
    page = open_page()
    sign_up(page, client, "five@example.org")
    open_stream(page, server.url, project)
    areas = [sentence(page, slot) for slot in range(1, 6)]
    for part in (picture(page), *areas, keywords(page), submit_button(page)):
        assert in_sight(page, part)
    for number, area in enumerate(areas, 1):
        area.click()
        page.keyboard.type(f"Sentence number {number}.")
    keywords(page).click()
    page.keyboard.type("red quay")
    with page.expect_response(posted) as answer:
        submit_button(page).click()
    assert answer.value.status == 201
    with Workspace.open(folder, write=True) as workspace:
        pull(workspace)
        assert merged_images(workspace)[0].captions == tuple(
            f"Sentence number {number}." for number in range(1, 6)
        )


def test_an_empty_field_is_asked_for_and_nothing_is_sent(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    folder = make_workspace(images=1, how="upload")
    project = pushed(folder)
    page = open_page()
    sign_up(page, client, "empty@example.org")
    open_stream(page, server.url, project)
    keywords(page).click()
    page.keyboard.type("red quay")
    page.keyboard.press("Enter")
    submit_button(page).click()
    page.get_by_text("Write your sentence.").wait_for()
    with Workspace.open(folder, write=True) as workspace:
        assert pull(workspace).new == 0


def test_the_stream_is_blind_and_the_picture_can_be_zoomed(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    folder = make_workspace(images=1, how="upload")
    project = pushed(folder)
    for name in ("first", "second"):
        page = open_page()
        sign_up(page, client, f"{name}@example.org")
        open_stream(page, server.url, project)
        assert "A sentence by" not in page.locator("body").inner_text()
        sentence(page).click()
        page.keyboard.type(f"A sentence by the {name}.")
        keywords(page).click()
        page.keyboard.type("red quay")
        if name == "second":
            before = shown_picture(page)
            for _ in range(4):
                page.get_by_label("zoom-in").click()
            page.wait_for_timeout(300)
            assert shown_picture(page).tobytes() != before.tobytes()
            assert sentence(page).input_value() == "A sentence by the second."
        with page.expect_response(posted) as answer:
            submit_button(page).click()
        assert answer.value.status == 201
    with Workspace.open(folder, write=True) as workspace:
        pull(workspace)
        assert merged_images(workspace)[0].captions == (
            "A sentence by the first.",
            "A sentence by the second.",
        )
