"""What of the image is in sight when the window changes, in Chromium."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.integration.pages import (
    LAPTOP,
    OpenPage,
    assert_shows,
    browser,
    in_sight,
    log_in,
    open_page,
    picture,
    pushed,
    same_pixels,
    sentence,
    shot,
    shown_picture,
    sign_up,
)
from tests.integration.written import eventually, standing, started, submitted, task_of

if TYPE_CHECKING:
    from rsitmd_tools.demo.annotator import Annotator
    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]


def test_a_resized_window_shows_the_whole_image(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    folder = make_workspace(images=1, how="upload")
    _, page = started(open_page, folder, server, client, "narrow-window@example.org")
    with Image.open(folder / "images" / "harbour_1.tif") as file:
        expected = file.convert("RGB")

    def is_whole() -> bool:
        return same_pixels(shown_picture(page), expected) > 0.985 * 32 * 32

    eventually(page, is_whole, True)
    large = picture(page).bounding_box()
    page.set_viewport_size({"width": LAPTOP[0] // 2, "height": LAPTOP[1] // 2})  # a zoom of 200 %
    eventually(page, is_whole, True)
    page.set_viewport_size({"width": LAPTOP[0], "height": LAPTOP[1]})
    eventually(page, is_whole, True)
    eventually(page, lambda: picture(page).bounding_box(), large)

    # The part that the annotator has enlarged stays enlarged.
    scale = "rsitmd.editor.image().zoomScale"
    page.locator(".rsitmd-picture [aria-label=zoom-in]").click()
    enlarged = page.evaluate(scale)
    assert enlarged > 1
    page.set_viewport_size({"width": 1000, "height": LAPTOP[1]})
    page.wait_for_timeout(1000)
    assert page.evaluate(scale) > 1


@pytest.mark.parametrize("fault", ["status 404", "broken file"])
def test_an_image_that_did_not_load_is_loaded_again(
    fault: str,
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    folder = make_workspace(images=1, how="upload")
    email = f"image-{fault.replace(' ', '-')}@example.org"
    project = pushed(folder)
    page = open_page()
    sign_up(page, client, email)
    images = re.compile(r".*/data/upload/.*")
    answer = {"status": 404} if fault == "status 404" else {"status": 200, "body": "no image"}
    page.route(images, lambda route: route.fulfill(**answer, content_type="image/png"))
    page.goto(f"{server.url}/projects/{project}/data?labeling=1")
    notice = page.locator(".rsitmd-notice")
    notice.get_by_text("The image did not load.").wait_for()
    assert "tell the lead of the campaign: harbour_1.tif" in notice.inner_text()
    close = page.get_by_label("Close modal")  # of the guide, which the message must not cover
    for size in ((375, 667), LAPTOP):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        assert in_sight(page, close)
        assert in_sight(page, notice)
        assert page.evaluate("document.querySelector('.rsitmd-notice').offsetWidth") > 300
        shot(page, f"image-{fault.replace(' ', '-')}", size)
    close.click()
    assert page.get_by_text("There was an issue loading URL").is_hidden()  # for who runs the server
    assert page.locator(".lsf-image > [class^=error--]").is_visible()
    eventually(page, lambda: (notice.bounding_box() or {"y": 0})["y"] < LAPTOP[1] / 2, True)
    task = task_of(page)
    sentence(page).click()
    page.keyboard.type("Two ships lie at ")
    page.unroute(images)
    notice.wait_for(state="detached")
    page.keyboard.type("the quay.")
    assert standing(page) == {"sentence1": ["Two ships lie at the quay."]}
    assert_shows(page, folder / "images" / "harbour_1.tif")
    assert task_of(page) == task


def test_a_submitted_image_that_does_not_load_is_not_skipped(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    client: Client,
    annotators: list[tuple[str, Annotator]],
) -> None:
    """Its page has no Skip, which would remove the submitted text."""
    email, annotator = annotators[0]
    path, _ = submitted(make_workspace, client, annotator, ["Two ships lie at the quay."] * 5)
    page = open_page()
    log_in(page, client.connection.url, email)
    page.route(re.compile(r".*/data/upload/.*"), lambda route: route.fulfill(status=404))
    page.goto(client.connection.url + path)
    notice = page.locator(".rsitmd-notice[data-subject=image]")
    notice.wait_for()
    assert "does not appear, tell the lead of the campaign: harbour_1.tif" in notice.inner_text()
