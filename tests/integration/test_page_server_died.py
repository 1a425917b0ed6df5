"""A server that dies while people write, and comes back: every word is there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
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

    from playwright.sync_api import Dialog

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


def test_no_text_is_lost_when_the_server_stops_and_restarts(
    open_page: OpenPage, make_own: MakeOwn
) -> None:
    folder: Path = make_own(images=3)
    with EmbeddedServer(folder, port=free_port()) as server:
        client = Client(Connection("tests", server.url, server.token))
        project, page = started(open_page, folder, server, client, "died@example.org")
        stream = f"{server.url}/projects/{project}/data?labeling=1"
        there = Stored(server)
        no_answer = page.locator(".rsitmd-notice[data-subject=server]")

        # It dies while somebody writes, who goes on writing.
        first = task_of(page)
        wait_for_focus(page, "sentence1")
        page.keyboard.type("Two ships lie")
        eventually(page, lambda: there.drafts(first), [{"sentence1": ["Two ships lie"]}])
        with dead(server):
            page.keyboard.type(" at the quay")
            no_answer.wait_for()
            assert "Your text is kept in this browser" in no_answer.inner_text()
            shot(page, "server-died", LAPTOP)
            page.keyboard.type(" side by side.")
        no_answer.wait_for(state="hidden")
        whole = {"sentence1": ["Two ships lie at the quay side by side."]}
        eventually(page, lambda: there.drafts(first), [whole])

        # It dies before Submit.
        press(page, "Tab")
        page.keyboard.type("red quay")
        with dead(server):
            press(page, "Control+Enter")
            no_answer.wait_for()
        second = next_task(page, first)
        whole["keywords"] = ["red quay"]
        assert there.annotations(first) == [whole]
        eventually(page, lambda: there.drafts(first), [])

        # It dies, and the tab is closed before it comes back.
        wait_for_focus(page, "sentence1")
        with dead(server):
            page.keyboard.type("Written while nobody listened.")
            no_answer.wait_for()
            context = page.context
            warned: list[str] = []

            def leave(dialog: Dialog, warned: list[str] = warned) -> None:
                warned.append(dialog.type)
                dialog.accept()

            page.on("dialog", leave)
            with page.expect_event("close"):
                page.close(run_before_unload=True)
            assert warned == ["beforeunload"]
        page = context.new_page()
        page.goto(stream)
        close_guide(page)
        assert task_of(page) == second
        wait_for_texts(page, {"sentence1": ["Written while nobody listened."]})
        press(page, "Tab")
        page.keyboard.type("red quay")
        press(page, "Control+Enter")
        next_task(page, second)
        assert captions(folder)[:2] == [
            ("Two ships lie at the quay side by side.",),
            ("Written while nobody listened.",),
        ]
