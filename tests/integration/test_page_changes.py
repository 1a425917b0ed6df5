"""A saved text is changed while the editor replaces all saved texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.integration.pages import OpenPage, browser, open_page
from tests.integration.written import (
    Stored,
    eventually,
    next_task,
    press,
    started,
    task_of,
    wait_for_focus,
    wait_for_texts,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Route

    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]

TEXT = "Two ships lie there."


def saved(page: Page, server: EmbeddedServer, project: int) -> int:
    """Submit the first image and open it again with its saved texts; return its task."""
    task = task_of(page)
    wait_for_focus(page, "sentence1")
    page.keyboard.type(TEXT)
    press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    next_task(page, task)
    page.goto(f"{server.url}/projects/{project}/data?task={task}")
    return task


@pytest.fixture
def opened(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> Callable[[str], tuple[Page, int]]:
    """A function that opens a submitted image completely; returns its page and its task."""

    def make(email: str) -> tuple[Page, int]:
        folder = make_workspace(images=2, how="upload")
        project, page = started(open_page, folder, server, client, email)
        task = saved(page, server, project)
        page.wait_for_load_state("networkidle")
        wait_for_focus(page, "Edit Region")
        return page, task

    return make


def resize(page: Page, width: int) -> None:
    """Resize the window, and wait until the editor has replaced the saved texts, if it does."""
    page.set_viewport_size({"width": width, "height": 700})
    page.wait_for_timeout(1000)


def test_a_change_survives_a_resized_window(
    opened: Callable[[str], tuple[Page, int]], server: EmbeddedServer
) -> None:
    there = Stored(server)
    page, task = opened("resizes@example.org")
    region = "rsitmd.editor.controls()[0].regions[0].id"
    first = page.evaluate(region)
    press(page, "Enter")  # on the pencil
    wait_for_focus(page, "sentence1")
    resize(page, 900)
    assert page.evaluate(region) != first  # the reason for this test
    page.keyboard.type(" Six cars wait.", delay=20)
    resize(page, 1200)
    page.keyboard.type(" It rains.", delay=20)
    for _ in range(len("rains.")):
        press(page, "ArrowLeft")
    page.evaluate("Htx.annotationStore.selected.reinitHistory(false)")
    page.keyboard.type("still ", delay=20)
    whole = f"{TEXT} Six cars wait. It still rains."
    wait_for_texts(page, {"sentence1": [whole], "keywords": ["red quay"]})
    press(page, "Control+Enter")
    eventually(page, lambda: [a["sentence1"] for a in there.annotations(task)], [[whole]])


def test_escape_restores_the_text_from_before_the_change(
    opened: Callable[[str], tuple[Page, int]],
) -> None:
    page, _ = opened("escapes@example.org")
    page.keyboard.type(" Six cars")
    resize(page, 900)
    page.keyboard.type(" wait.")
    wait_for_texts(page, {"sentence1": [f"{TEXT} Six cars wait."], "keywords": ["red quay"]})
    press(page, "Escape")
    wait_for_texts(page, {"sentence1": [TEXT], "keywords": ["red quay"]})
    page.wait_for_timeout(500)
    assert page.evaluate("rsitmd.editor.fieldOf(document.activeElement)") is None


def wait_until_settled(page: Page) -> None:
    """Wait until the editor has replaced the saved texts for the last time, which ends its Undo."""
    page.wait_for_function(
        "() => { const { id } = rsitmd.editor.controls()[0].regions[0];"
        " if (id !== window.seen?.id) window.seen = { id, at: Date.now() };"
        " return Date.now() > window.seen.at + 2000; }"
    )


def test_undo_takes_back_a_whole_change(opened: Callable[[str], tuple[Page, int]]) -> None:
    page, _ = opened("undoes@example.org")
    wait_until_settled(page)
    for number in range(2):
        wait_for_focus(page, "Edit Region")
        page.keyboard.type(f" {number + 6} cars wait.")
        press(page, "Shift+Tab")
    whole = f"{TEXT} 6 cars wait. 7 cars wait."
    wait_for_texts(page, {"sentence1": [whole], "keywords": ["red quay"]})
    for text in (f"{TEXT} 6 cars wait.", TEXT):
        page.get_by_label("Undo").click()
        wait_for_texts(page, {"sentence1": [text], "keywords": ["red quay"]})


def test_a_change_survives_an_image_that_arrives_late(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    there = Stored(server)
    folder = make_workspace(images=2, how="upload")
    project, page = started(open_page, folder, server, client, "late-image@example.org")
    held: list[Route] = []
    page.route(re.compile(r"/data/upload/|/resolve/"), lambda route: held.append(route))
    task = saved(page, server, project)
    wait_for_focus(page, "Edit Region")
    page.wait_for_timeout(4000)  # the focus is no longer restored
    page.keyboard.type(" Six cars", delay=20)
    assert held
    for route in held:
        route.continue_()
    page.keyboard.type(" wait near them, and it rains.", delay=50)
    page.get_by_label("Edit Region").last.click()
    page.keyboard.type("s in", delay=20)
    page.evaluate("Htx.annotationStore.selected.reinitHistory(false)")
    page.keyboard.type(" sun", delay=20)
    press(page, "Enter")
    whole = f"{TEXT} Six cars wait near them, and it rains."
    wait_for_texts(page, {"sentence1": [whole], "keywords": ["red quays in sun"]})
    press(page, "Control+Enter")
    expected = [{"sentence1": [whole], "keywords": ["red quays in sun"]}]
    eventually(page, lambda: there.annotations(task), expected)
