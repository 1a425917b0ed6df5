"""The page that annotators see, in a real browser: sign up, look, write, submit, pull."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.studio.api.accounts import invitation_link
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from tests.integration.pages import (
    DESKTOP,
    LAPTOP,
    OpenPage,
    assert_shows,
    browser,
    fill_in_form,
    in_sight,
    keywords,
    log_out,
    open_page,
    open_stream,
    picture,
    posted,
    pushed,
    sentence,
    shown_picture,
    sign_up,
    submit_button,
)

if TYPE_CHECKING:
    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]


@pytest.mark.parametrize("size", [LAPTOP, DESKTOP])
def test_pull_returns_exactly_what_a_new_annotator_wrote(
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
    fill_in_form(page, invitation_link(client), email)
    log_out(page)
    fill_in_form(page, f"{server.url}/user/login/", email)
    open_stream(page, server.url, project)

    assert_shows(page, folder / "images" / "harbour_1.tif")
    for part in (picture(page), sentence(page), keywords(page), submit_button(page)):
        assert in_sight(page, part)
    for words in ("what is next to what", "three planes", "ship, boat, vessel", "- port"):
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
    with page.expect_response(posted):
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


def test_an_empty_required_field_prevents_submit(
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
