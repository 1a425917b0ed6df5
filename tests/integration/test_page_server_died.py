"""A server that dies while people write, and comes back: every word is there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import Connection
from rsitmd_tools.studio.server.embedded import EmbeddedServer
from tests.integration.pages import LAPTOP, OpenPage, browser, close_guide, open_page, shot
from tests.integration.written import (
    Stored,
    captions,
    eventually,
    next_task,
    press,
    started,
    task_of,
    wait_for_focus,
    wait_for_texts,
)

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Dialog, Locator, Page

    from tests.integration.conftest import MakeOwn

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def dead(server: EmbeddedServer) -> Iterator[None]:
    """Stop a server and start it again."""
    server.stop()
    try:
        yield
    finally:
        server.start()


@dataclass
class Writing:
    """A person who writes on a page of a server that dies."""

    server: EmbeddedServer
    page: Page
    stream: str

    @property
    def no_answer(self) -> Locator:
        """What the page says while the server does not answer."""
        return self.page.locator(".rsitmd-notice[data-subject=server]")


def test_no_text_is_lost_when_the_server_stops_and_restarts(
    open_page: OpenPage, make_own: MakeOwn
) -> None:
    folder: Path = make_own(images=3)
    with EmbeddedServer(folder, port=free_port()) as server:
        client = Client(Connection("tests", server.url, server.token))
        project, page = started(open_page, folder, server, client, "died@example.org")
        person = Writing(server, page, f"{server.url}/projects/{project}/data?labeling=1")
        first = task_of(page)
        dies_while_somebody_writes(person, first)
        second = dies_before_submit(person, first)
        dies_and_the_tab_is_closed(person, second)
        assert captions(folder)[:2] == [
            ("Two ships lie at the quay side by side.",),
            ("Written while nobody listened.",),
        ]


def dies_while_somebody_writes(person: Writing, task: int) -> None:
    """They go on writing, and what they wrote reaches the server when it is back."""
    page, there = person.page, Stored(person.server)
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Two ships lie")
    eventually(page, lambda: there.drafts(task), [{"sentence1": ["Two ships lie"]}])
    with dead(person.server):
        page.keyboard.type(" at the quay")
        person.no_answer.wait_for()
        assert "Your text is kept in this browser" in person.no_answer.inner_text()
        shot(page, "server-died", LAPTOP)
        page.keyboard.type(" side by side.")
    person.no_answer.wait_for(state="hidden")
    whole = {"sentence1": ["Two ships lie at the quay side by side."]}
    eventually(page, lambda: there.drafts(task), [whole])


def dies_before_submit(person: Writing, task: int) -> int:
    """The text is submitted when the server is back; return the task after it."""
    page, there = person.page, Stored(person.server)
    press(page, "Tab")
    page.keyboard.type("red quay")
    with dead(person.server):
        press(page, "Control+Enter")
        person.no_answer.wait_for()
    second = next_task(page, task)
    whole = {"sentence1": ["Two ships lie at the quay side by side."], "keywords": ["red quay"]}
    assert there.annotations(task) == [whole]
    eventually(page, lambda: there.drafts(task), [])
    return second


def dies_and_the_tab_is_closed(person: Writing, task: int) -> None:
    """The browser warns, and another tab has the text."""
    page, context = person.page, person.page.context
    wait_for_focus(page, "sentence1")
    with dead(person.server):
        page.keyboard.type("Written while nobody listened.")
        person.no_answer.wait_for()
        warned: list[str] = []

        def leave(dialog: Dialog) -> None:
            warned.append(dialog.type)
            dialog.accept()

        page.on("dialog", leave)
        with page.expect_event("close"):
            page.close(run_before_unload=True)
        assert warned == ["beforeunload"]
    page = context.new_page()
    page.goto(person.stream)
    close_guide(page)
    assert task_of(page) == task
    wait_for_texts(page, {"sentence1": ["Written while nobody listened."]})
    press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    next_task(page, task)
