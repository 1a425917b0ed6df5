"""Answers that are not the expected ones: errors, and pages of a proxy. No text is lost."""

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
WHOLE = {"sentence1": [SENTENCE], "keywords": ["red quay"]}
DRAFTS = r"/tasks/\d+/drafts|/api/drafts/"
SUBMIT = r"/tasks/\d+/annotations\?"
NEXT = r"/dm/actions\?id=next_task"


def answer_instead(
    page: Page, pattern: str, status: int, methods: str = "POST PATCH"
) -> Callable[[], int]:
    """Answer requests with an HTML page of a proxy.

    Returns:
        A function that ends this and returns the number of requests so far.
    """
    count = [0]

    def spoil(route: Route) -> None:
        if route.request.method not in methods:
            route.continue_()
            return
        count[0] += 1
        sign_in = "<html><body><h1>Sign in to the network</h1></body></html>"
        route.fulfill(status=status, content_type="text/html", body=sign_in)

    page.route(re.compile(pattern), spoil)

    def end() -> int:
        page.unroute(re.compile(pattern))
        return count[0]

    return end


Writer = Callable[..., tuple["Page", int]]


@pytest.fixture
def writer(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> Writer:
    """A function that opens an image for writing; returns its page and its task."""

    def make(email: str) -> tuple[Page, int]:
        folder = make_workspace(images=2, how="upload")
        _, page = started(open_page, folder, server, client, email)
        wait_for_focus(page, "sentence1")
        return page, task_of(page)

    return make


def said(page: Page, subject: str) -> str:
    box = page.locator(f".rsitmd-notice[data-subject={subject}]")
    box.wait_for()
    return box.inner_text()


def write_all(page: Page) -> None:
    page.keyboard.type(SENTENCE)
    press(page, "Tab")
    page.keyboard.type("red quay")


def test_a_sign_in_page_of_a_network_is_no_answer(writer: Writer, server: EmbeddedServer) -> None:
    there = Stored(server)
    page, task = writer("portal@example.org")
    end = answer_instead(page, DRAFTS, 200)
    page.keyboard.type("Two ships")
    assert "The answer does not come from the annotation server" in said(page, "server")
    assert there.drafts(task) == []
    page.keyboard.type(" lie at the quay.")
    assert end()
    eventually(page, lambda: there.drafts(task), [{"sentence1": [SENTENCE]}])
    page.locator(".rsitmd-notice").wait_for(state="hidden")

    end = answer_instead(page, SUBMIT, 200)
    press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    assert "open this page in another tab, and sign in there" in said(page, "server")
    assert there.annotations(task) == []
    assert end()
    next_task(page, task)
    assert there.annotations(task) == [WHOLE]
    eventually(page, lambda: there.drafts(task), [])


@pytest.mark.parametrize("status", [502, 200])
def test_the_next_image_is_requested_until_the_server_answers(
    status: int, writer: Writer, server: EmbeddedServer
) -> None:
    page, task = writer(f"next{status}@example.org")
    end = answer_instead(page, NEXT, status)
    write_all(page)
    press(page, "Control+Enter")
    notice = said(page, "server")
    assert re.search("not come from|does not answer", notice)
    assert "The next image opens as soon as the server answers" in notice
    assert not page.get_by_text("No image is available").is_visible()
    assert end()
    next_task(page, task)
    wait_for_focus(page, "sentence1")
    assert Stored(server).annotations(task) == [WHOLE]


@pytest.mark.parametrize("status", [401, 500])
def test_a_next_image_that_is_refused_is_not_the_end_of_the_queue(
    status: int, writer: Writer
) -> None:
    page, _ = writer(f"refused{status}@example.org")
    answer_instead(page, NEXT, status)
    write_all(page)
    press(page, "Control+Enter")
    expected = {401: "You are signed out", 500: "HTTP status 500"}
    assert expected[status] in said(page, "next")
    page.wait_for_timeout(1500)  # more than the interval at which the end of the queue is drawn
    assert not page.get_by_text("No image is available").is_visible()


@pytest.mark.parametrize(
    ("status", "expected"), [(401, "You are signed out"), (413, "HTTP status 413")]
)
def test_a_refused_submit_is_reported(
    status: int, expected: str, writer: Writer, server: EmbeddedServer
) -> None:
    page, task = writer(f"submit{status}@example.org")
    end = answer_instead(page, SUBMIT, status)
    write_all(page)
    press(page, "Control+Enter")
    assert expected in said(page, "submit")
    assert end()
    press(page, "Control+Enter")
    next_task(page, task)
    page.locator(".rsitmd-notice").wait_for(state="hidden")
    assert Stored(server).annotations(task) == [WHOLE]


def test_a_refused_submit_is_not_taken_for_a_saved_one(
    writer: Writer, server: EmbeddedServer
) -> None:
    """The annotator signs in again: the draft is sent by the page, but not the Submit."""
    there = Stored(server)
    page, first = writer("again@example.org")
    write_all(page)
    press(page, "Control+Enter")
    task = next_task(page, first)
    wait_for_focus(page, "sentence1")
    end_drafts, end = answer_instead(page, DRAFTS, 401), answer_instead(page, SUBMIT, 401)
    write_all(page)
    press(page, "Control+Enter")
    message = said(page, "submit")
    assert "Sign in again in another tab. Then submit this image again." in message
    end_drafts()
    end()
    submit = page.locator(".rsitmd-notice[data-subject=submit]")
    submit.get_by_text("Your text is saved as a draft, but it is not submitted.").wait_for()
    assert there.annotations(task) == []
    eventually(page, lambda: there.drafts(task), [WHOLE])
    go_back(page, first)
    submit.wait_for(state="hidden")
