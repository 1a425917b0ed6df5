"""Requests of the page that only ask, and that the server refuses for a moment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.integration.pages import OpenPage, browser, close_guide, open_page
from tests.integration.written import Stored, press, started, task_of, wait_for_focus

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]

WHOLE = {"sentence1": ["Two ships lie at the quay."], "keywords": ["red quay"]}


def submit(page: Page, sentence: str) -> None:
    wait_for_focus(page, "sentence1")
    page.keyboard.type(sentence)
    press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")


def test_a_second_tab_creates_no_second_annotation_if_the_first_is_not_known(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    there = Stored(server)
    folder = make_workspace(images=1, how="upload")
    project, page = started(open_page, folder, server, client, "two-tabs-refused@example.org")
    task = task_of(page)
    other = page.context.new_page()
    other.goto(f"{server.url}/projects/{project}/data?labeling=1")
    close_guide(other)
    task_of(other)
    submit(page, "Two ships lie at the quay.")
    page.locator("#rsitmd-end").wait_for()

    def refuse(route: Route) -> None:
        if route.request.method == "GET":
            route.fulfill(status=500, body="")
        else:
            route.continue_()

    other.route(re.compile(rf"/tasks/{task}/annotations"), refuse)
    other.bring_to_front()
    submit(other, "Another sentence.")
    other.wait_for_timeout(4000)
    assert there.annotations(task) == [WHOLE]
    assert "HTTP status 500" in other.locator(".rsitmd-notice[data-subject=submit]").inner_text()


def test_the_end_of_the_queue_appears_after_a_refused_count(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    folder = make_workspace(images=1, how="upload")
    _, page = started(open_page, folder, server, client, "counts-refused@example.org")
    page.locator("#rsitmd-bar").wait_for()
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=500, body="<html></html>")

    page.route("**/rsitmd/queue.json*", refuse)
    submit(page, "Two ships lie at the quay.")
    page.wait_for_function("document.documentElement.classList.contains('rsitmd-end')")
    page.wait_for_timeout(1500)
    assert refused
    page.unroute("**/rsitmd/queue.json*")
    page.get_by_text("All your images are done. Thank you.").wait_for()
