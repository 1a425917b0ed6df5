"""Review on the pages: the note, the correction, and the page of the status."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.campaign.review import ReviewRequest, review
from rsitmd_tools.studio.campaign.status_page import status_page
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from rsitmd_tools.workspace.people import join
from tests.integration.pages import (
    OpenPage,
    browser,
    open_page,
    open_stream,
    posted,
    sentence,
    shot,
    sign_up,
    submit_button,
)
from tests.integration.reviewed import SETTINGS, VAGUE, tasks_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = pytest.mark.integration


@pytest.mark.browser
def test_an_annotator_sees_the_note_and_corrects(
    make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client, open_page: OpenPage
) -> None:
    """Write, get one back, see the note, correct; merged is the new."""
    folder = make_workspace(images=2, how="upload", settings=SETTINGS.replace("= 2", "= 1"))
    email = f"corrects{os.getpid()}@example.org"
    page = open_page()
    sign_up(page, client, email)
    with Workspace.open(folder, write=True) as workspace:
        settings = workspace.settings.annotation
        assert settings.annotators_per_image == 1
        join(workspace, email)
        join(workspace, "second@example.org")
        push(workspace)
        project = tasks_of(workspace, email)[0][1]
    open_stream(page, server.url, project)
    submit_a_vague_sentence(page)
    with Workspace.open(folder, write=True) as workspace:
        assert pull(workspace).new == 1
        report = review(workspace, ReviewRequest("B. Lee", send_back="S104"))
        link = report.sent_back[0]["link"]
    page.goto(link)
    read_the_note_and_correct(page, email)
    with Workspace.open(folder, write=True) as workspace:
        pulled = pull(workspace)
        assert (pulled.new, pulled.changed, pulled.corrected) == (0, 1, 1)
        assert pulled.foreign == []
        captions = [c for image in merged_images(workspace) for c in image.captions]
        assert captions == ["Two ships lie before four houses."]
    # The note is gone with the pull, whatever the review says of the new sentence.
    page.goto(link)
    page.wait_for_function("document.querySelector('img[alt=image]')?.naturalWidth > 0")
    page.locator(".rsitmd-note").first.wait_for(state="hidden")
    page.goto(f"{server.url}/projects/{project}/data")
    page.get_by_text("Sent back").first.wait_for()
    page.get_by_text("Default").first.wait_for()
    shot(page, "tabs")
    check_the_status_page(page, folder, email)


def submit_a_vague_sentence(page: Page) -> None:
    assert "Sent back" not in page.locator("body").inner_text()
    sentence(page).click()
    page.keyboard.type(VAGUE)
    with page.expect_response(posted):
        submit_button(page).click()


def read_the_note_and_correct(page: Page, email: str) -> None:
    """The sentence is there as it was, with a pencil to change it."""
    note = page.locator(".rsitmd-note").first  # the second one is the assist's hint
    note.wait_for()
    assert f"Sent back to {email}: " in note.inner_text()
    shot(page, "review-note")
    page.get_by_text(VAGUE).wait_for()
    page.get_by_label("Edit Region").first.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("Two ships lie before four houses.")
    page.get_by_label("Save").first.click()
    with page.expect_response(lambda a: a.request.method == "PATCH" and "/annotations" in a.url):
        page.get_by_role("button", name="submit").click()


def check_the_status_page(page: Page, folder: Path, email: str) -> None:
    """The lead's page opens, with what happened."""
    shown = folder / "status.html"
    with Workspace.open(folder) as workspace:
        shown.write_text(status_page(workspace), encoding="utf-8")
    page.goto(shown.as_uri())
    assert "Campaign" in page.locator("h1").inner_text()
    assert "1 of 2 images have all sentences" in page.locator("main").inner_text()
    assert page.locator("svg").count() == 2
    assert email in page.locator("table").first.inner_text()
    shot(page, "status")
