"""A draft that the server refuses for a while arrives without another key."""

from __future__ import annotations

import re
from collections.abc import Callable
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
)

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]

SENTENCE = "Two ships lie at the quay."
DRAFT = re.compile(r"/tasks/\d+/(annotations/\d+/)?drafts|/api/drafts/")


class Refusal:
    """Refuses all saves of drafts until it is ended.

    Attributes:
        count: How many were refused.
    """

    def __init__(self, page: Page, status: int, wait: str = "") -> None:
        self._page = page
        self._status = status
        self._headers = {"Retry-After": wait} if wait else {}
        self.count = 0
        page.route(DRAFT, self._refuse)

    def _refuse(self, route: Route) -> None:
        if route.request.method not in ("POST", "PATCH"):
            route.continue_()
            return
        self.count += 1
        route.fulfill(status=self._status, headers=self._headers, body="")

    def end(self) -> None:
        self._page.unroute(DRAFT)


Writer = Callable[[str], tuple["Page", int]]


@pytest.fixture
def writer(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> Writer:
    """A function that opens an image for writing; returns its page and its task."""

    def make(name: str) -> tuple[Page, int]:
        folder = make_workspace(images=2, how="upload")
        _, page = started(open_page, folder, server, client, f"{name}@example.org")
        wait_for_focus(page, "sentence1")
        return page, task_of(page)

    return make


@pytest.mark.parametrize("status", [429, 500, 401])
def test_a_refused_draft_is_sent_again_without_a_key(
    status: int, writer: Writer, server: EmbeddedServer
) -> None:
    there = Stored(server)
    page, task = writer(f"again{status}")
    refusal = Refusal(page, status)
    page.keyboard.type("Two ships lie")
    box = page.locator(".rsitmd-notice[data-subject=draft]")
    box.wait_for()
    assert "is sent again after a short wait" in box.inner_text()
    page.keyboard.type(" at the quay.")
    page.wait_for_timeout(5000)
    assert box.is_visible()
    assert 2 <= refusal.count <= 3  # after 2 and 4 seconds, and not once for each key
    assert there.drafts(task) == []
    refusal.end()
    eventually(page, lambda: there.drafts(task), [{"sentence1": [SENTENCE]}])
    box.wait_for(state="hidden")


def test_the_wait_is_as_long_as_the_server_asks(writer: Writer, server: EmbeddedServer) -> None:
    there = Stored(server)
    page, task = writer("retry-after")
    refusal = Refusal(page, 429, wait="8")
    page.keyboard.type(SENTENCE)
    page.locator(".rsitmd-notice[data-subject=draft]").wait_for()
    page.wait_for_timeout(5000)
    assert refusal.count == 1
    refusal.end()
    eventually(page, lambda: there.drafts(task), [{"sentence1": [SENTENCE]}])


def test_a_refused_draft_is_not_sent_after_its_text_was_submitted(
    writer: Writer, server: EmbeddedServer
) -> None:
    there = Stored(server)
    page, task = writer("submitted-meanwhile")
    refusal = Refusal(page, 429)
    page.keyboard.type(SENTENCE)
    box = page.locator(".rsitmd-notice[data-subject=draft]")
    box.wait_for()
    press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    next_task(page, task)
    box.wait_for(state="hidden")
    refusal.end()
    page.wait_for_timeout(6000)
    assert there.drafts(task) == []
    assert there.annotations(task) == [{"sentence1": [SENTENCE], "keywords": ["red quay"]}]


def test_a_refused_draft_of_another_image_is_sent_again(
    writer: Writer, server: EmbeddedServer
) -> None:
    there = Stored(server)
    page, first = writer("left-behind")
    page.keyboard.type(SENTENCE)
    press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    second = next_task(page, first)
    wait_for_focus(page, "sentence1")
    refusal = Refusal(page, 500)
    page.keyboard.type("A road crosses the fields.")
    box = page.locator(".rsitmd-notice[data-subject=draft]")
    box.wait_for()
    go_back(page, first)
    assert box.is_visible()
    refusal.end()
    expected = [{"sentence1": ["A road crosses the fields."]}]
    eventually(page, lambda: there.drafts(second), expected)
    box.wait_for(state="hidden")
    assert there.drafts(first) == []
