"""An image or a submitted text that is deleted on the server while somebody writes about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.pages import OpenPage, browser, open_page
from tests.integration.written import (
    Stored,
    eventually,
    go_back,
    next_task,
    press,
    started,
    task_of,
    wait_for_focus,
    wait_for_texts,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]


def write_and_submit(page: Page) -> None:
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Two ships lie at the quay.")
    press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")


def said(page: Page) -> str:
    box = page.locator(".rsitmd-notice[data-subject=submit]")
    box.wait_for()
    return box.inner_text()


def test_a_submitted_text_that_was_deleted_is_submitted_again(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    there = Stored(server)
    folder = make_workspace(images=2, how="upload")
    _, page = started(open_page, folder, server, client, "deleted-text@example.org")
    task = task_of(page)
    write_and_submit(page)
    next_task(page, task)
    go_back(page, task)
    client.sdk.annotations.delete(page.evaluate("Htx.annotationStore.selected.pk"))

    page.get_by_label("Edit Region").first.click()
    page.keyboard.type(" It rains.")
    press(page, "Control+Enter")
    message = said(page)
    assert "Your submitted text for this image was deleted on the server" in message
    assert "Reload this page: your text is restored. Then submit it." in message

    whole = {"sentence1": ["Two ships lie at the quay. It rains."], "keywords": ["red quay"]}
    page.reload()
    task_of(page)
    wait_for_texts(page, whole)
    press(page, "Control+Enter")
    eventually(page, lambda: there.annotations(task), [whole])


def test_a_message_says_that_an_image_was_deleted(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    folder = make_workspace(images=2, how="upload")
    _, page = started(open_page, folder, server, client, "deleted-image@example.org")
    client.sdk.tasks.delete(task_of(page))
    write_and_submit(page)
    message = said(page)
    assert "This image no longer exists on the server" in message
    assert "is restored if the lead adds the image again" in message
    assert "when you open this image again" not in message  # nobody can open it
