"""One image in two tabs of one annotator: no submitted text is lost without a question."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.integration.pages import OpenPage, browser, close_guide, open_page
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
    from playwright.sync_api import Page

    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]

TEXT = "Two ships lie there."
WHOLE = {"sentence1": [TEXT], "keywords": ["red quay"]}


class Tabs(NamedTuple):
    """Two tabs with the first image, the number of its task, and the address of the project."""

    one: Page
    two: Page
    task: int
    address: str


@pytest.fixture
def tabs(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    request: pytest.FixtureRequest,
) -> Tabs:
    folder = make_workspace(images=2, how="upload")
    email = f"{request.node.name.replace('[', '-').rstrip(']').lower()}@example.org"
    project, one = started(open_page, folder, server, client, email)
    two = one.context.new_page()
    address = f"{server.url}/projects/{project}/data"
    two.goto(f"{address}?labeling=1")
    close_guide(two)
    task = task_of(two)
    assert task == task_of(one)
    return Tabs(one, two, task, address)


def submit(page: Page, task: int) -> None:
    page.bring_to_front()
    wait_for_focus(page, "sentence1")
    page.keyboard.type(TEXT)
    press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    next_task(page, task)


def test_an_image_that_is_submitted_in_one_tab_is_not_skipped_in_the_other(
    tabs: Tabs, server: EmbeddedServer
) -> None:
    submit(tabs.one, tabs.task)
    tabs.two.bring_to_front()
    tabs.two.get_by_label("skip-task").click()
    next_task(tabs.two, tabs.task)
    assert "so it was not skipped" in tabs.two.locator(".rsitmd-notice").inner_text()
    assert Stored(server).annotations(tabs.task) == [WHOLE]
