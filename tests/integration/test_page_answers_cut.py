"""Answers of the server that break off or do not come: no text is lost on the page."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import Connection
from tests.integration.pages import OpenPage, browser, close_guide, open_page
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
    from pathlib import Path

    from playwright.sync_api import Page, Route

    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace
    from tests.integration.relay import Relay

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]


def spoil_once(relay: Relay, verb: str, ending: str) -> list[str]:
    """Break off the answer to the next such request; return the list that will have its path."""
    spoiled: list[str] = []

    def spoil(method: str, path: str, count: int) -> str | None:
        if spoiled or method != verb or not path.split("?")[0].rstrip("/").endswith(ending):
            return None
        spoiled.append(path)
        return "short"

    relay.spoil = spoil
    return spoiled


def spoil_created(relay: Relay, next_list: str | int) -> list[str | int]:
    """Break off the answer to a new draft, and spoil the next list of drafts.

    Returns:
        The list that will have what happened.
    """
    done: list[str | int] = []

    def spoil(method: str, path: str, count: int) -> str | int | None:
        if not path.split("?")[0].rstrip("/").endswith("/drafts"):
            return None
        if method == "POST" and not done:
            done.append("short")
        elif method == "GET" and len(done) == 1:
            done.append(next_list)
        else:
            return None
        return done[-1]

    relay.spoil = spoil
    return done


def relayed(open_page: OpenPage, folder: Path, server: EmbeddedServer, relay: Relay) -> Page:
    """Return the page of somebody who writes through a relay."""
    client = Client(Connection("tests", server.url, server.token))
    project, page = started(open_page, folder, server, client, f"{folder.parent.name}@example.org")
    page.goto(f"{relay.url}/projects/{project}/data?labeling=1")
    close_guide(page)
    task_of(page)
    wait_for_focus(page, "sentence1")
    return page


def test_answers_that_break_off_lose_no_text(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    relay: Relay,
) -> None:
    page = relayed(open_page, make_workspace(images=3, how="upload"), server, relay)
    there, task = Stored(server), task_of(page)

    created = spoil_once(relay, "POST", f"tasks/{task}/drafts")
    page.keyboard.type("Two ships")
    eventually(page, lambda: len(created), 1)
    page.keyboard.type(" lie at the quay.")
    whole = {"sentence1": ["Two ships lie at the quay."]}
    eventually(page, lambda: there.drafts(task), [whole])

    number = page.evaluate("Htx.annotationStore.selected.draftId")
    changed = spoil_once(relay, "PATCH", f"drafts/{number}")
    press(page, "Tab")
    page.keyboard.type("red")
    eventually(page, lambda: len(changed), 1)
    page.keyboard.type(" quay")
    whole |= {"keywords": ["red quay"]}
    eventually(page, lambda: there.drafts(task), [whole])

    submitted = spoil_once(relay, "POST", f"tasks/{task}/annotations")
    press(page, "Control+Enter")
    next_task(page, task)
    assert submitted
    assert there.annotations(task) == [whole]
    eventually(page, lambda: there.drafts(task), [])


@pytest.mark.parametrize("next_list", ["short", 503, 429])
def test_a_list_of_drafts_that_does_not_arrive_makes_no_second_draft(
    next_list: str | int,
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    relay: Relay,
) -> None:
    page = relayed(open_page, make_workspace(images=1, how="upload"), server, relay)
    there, task = Stored(server), task_of(page)
    done = spoil_created(relay, next_list)
    page.keyboard.type("Two ships")
    eventually(page, lambda: len(done), 2)
    page.keyboard.type(" lie at the quay.")
    whole = {"sentence1": ["Two ships lie at the quay."]}
    eventually(page, lambda: whole in there.drafts(task), True)
    assert there.drafts(task) == [whole]


def test_a_notice_appears_while_an_answer_does_not_come(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, relay: Relay
) -> None:
    page = relayed(open_page, make_workspace(images=1, how="upload"), server, relay)
    there, task = Stored(server), task_of(page)
    answers = threading.Event()

    def hold(method: str, path: str, count: int) -> None:
        if "drafts" in path:
            answers.wait()

    relay.spoil = hold
    notice = page.locator(".rsitmd-notice[data-subject=server]")
    page.keyboard.type("Two ships lie")
    notice.wait_for()
    assert there.drafts(task) == []
    page.keyboard.type(" at the quay.")
    answers.set()
    notice.wait_for(state="hidden")
    eventually(page, lambda: there.drafts(task), [{"sentence1": ["Two ships lie at the quay."]}])


def test_a_request_that_hangs_is_ended_and_sent_again(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    """The connection of a laptop that slept is dead: no answer comes, and no error either."""
    there = Stored(server)
    folder = make_workspace(images=2, how="upload")
    project, page = started(open_page, folder, server, client, "sleeps@example.org")
    page.clock.install()
    page.goto(f"{server.url}/projects/{project}/data?labeling=1")
    close_guide(page)
    task = task_of(page)
    wait_for_focus(page, "sentence1")
    hanging = hang_once(page, "drafts")
    page.keyboard.type("Two ships lie")
    eventually(page, lambda: len(hanging), 1)
    page.clock.fast_forward("01:00:00")
    eventually(page, lambda: there.drafts(task), [{"sentence1": ["Two ships lie"]}])

    page.keyboard.type(" at the quay.")
    press(page, "Tab")
    page.keyboard.type("red quay")
    hanging = hang_once(page, "annotations")
    press(page, "Control+Enter")
    eventually(page, lambda: len(hanging), 1)
    page.clock.fast_forward("01:00:00")
    next_task(page, task)
    whole = {"sentence1": ["Two ships lie at the quay."], "keywords": ["red quay"]}
    assert there.annotations(task) == [whole]


def hang_once(page: Page, kind: str) -> list[str]:
    """Never answer the next request that sends text; return the list that will have its address."""
    held: list[str] = []

    def hold(route: Route) -> None:
        if held or route.request.method == "GET":
            route.continue_()
        else:
            held.append(route.request.url)

    page.route(re.compile(rf"/tasks/\d+/{kind}"), hold)
    return held
