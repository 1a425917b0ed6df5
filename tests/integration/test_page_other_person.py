"""A page remains open when another person signs in in another tab of the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.pages import OpenPage, browser, log_in, log_out, open_page, sign_up
from tests.integration.written import (
    Stored,
    eventually,
    next_task,
    press,
    started,
    task_of,
    wait_for_focus,
)

if TYPE_CHECKING:
    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]


def test_a_text_is_never_stored_for_the_person_who_signed_in_later(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    there = Stored(server)
    folder = make_workspace(images=2, how="upload")
    _, page = started(open_page, folder, server, client, "first-at-the-desk@example.org")
    task = task_of(page)
    wait_for_focus(page, "sentence1")
    other = page.context.new_page()
    log_out(other)
    sign_up(other, client, "second-at-the-desk@example.org")

    page.bring_to_front()
    page.keyboard.type("Two ships lie")
    box = page.locator(".rsitmd-notice[data-subject=draft]")
    box.wait_for()
    assert "You are signed out, so nothing is saved. Sign in again" in box.inner_text()
    page.keyboard.type(" at the quay.")
    press(page, "Tab")
    page.keyboard.type("red quay")
    box.get_by_role("button").click()
    page.locator("input[name=keywords]").focus()
    press(page, "Control+Enter")
    box = page.locator(".rsitmd-notice[data-subject=submit]")
    box.wait_for()
    assert "You are signed out, so nothing is saved. Sign in again" in box.inner_text()
    assert there.drafts(task) == there.annotations(task) == []

    log_out(other)
    log_in(other, server.url, "first-at-the-desk@example.org")
    page.bring_to_front()
    page.locator("input[name=keywords]").focus()
    press(page, "Control+Enter")
    next_task(page, task)
    whole = {"sentence1": ["Two ships lie at the quay."], "keywords": ["red quay"]}
    eventually(page, lambda: there.annotations(task), [whole])
