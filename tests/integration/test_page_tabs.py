"""One image in two tabs of one annotator: no submitted text is lost without a question."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.integration.pages import LAPTOP, OpenPage, browser, close_guide, open_page, shot
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
TWICE = ".rsitmd-notice[data-subject=twice]"
TABS = ".rsitmd-notice[data-subject=tabs]"
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


def test_who_writes_in_two_tabs_is_warned(tabs: Tabs) -> None:
    one, two, task, address = tabs
    for page in (one, two):
        page.bring_to_front()
        wait_for_focus(page, "sentence1")
        assert not page.locator(TABS).is_visible()
        page.keyboard.type("Two")
        assert "open in another tab" in page.locator(TABS).inner_text()
    shot(two, "tabs", LAPTOP)
    one.bring_to_front()
    one.keyboard.type(" ships lie there.")
    press(one, "Tab")
    one.keyboard.type("red quay")
    press(one, "Control+Enter")
    next_task(one, task)  # the tabs have different images now
    for page in (one, two):
        page.locator(TABS).wait_for(state="hidden")
    two.on("dialog", lambda dialog: dialog.accept())
    two.goto(f"{address}?labeling=1")
    task_of(two)
    one.keyboard.type("Three")
    one.locator(TABS).wait_for()
    two.close()
    one.locator(TABS).wait_for(state="hidden")


def test_an_image_that_is_submitted_in_one_tab_is_not_skipped_in_the_other(
    tabs: Tabs, server: EmbeddedServer
) -> None:
    submit(tabs.one, tabs.task)
    tabs.two.bring_to_front()
    tabs.two.get_by_label("skip-task").click()
    next_task(tabs.two, tabs.task)
    assert "so it was not skipped" in tabs.two.locator(TWICE).inner_text()
    assert Stored(server).annotations(tabs.task) == [WHOLE]


@pytest.mark.parametrize("keep_here", [True, False])
def test_an_update_in_the_second_tab_asks_before_it_replaces_the_first(
    keep_here: bool, tabs: Tabs, server: EmbeddedServer
) -> None:
    there, (one, two, task, address) = Stored(server), tabs
    submit(one, task)
    for page in (one, two):
        page.bring_to_front()
        page.goto(f"{address}?task={task}")
        wait_for_texts(page, WHOLE)
        page.wait_for_load_state("networkidle")
        wait_for_focus(page, "Edit Region")
    first = {**WHOLE, "sentence1": [f"{TEXT} It rains."]}
    one.bring_to_front()
    for more in (" It", " rains."):  # two updates of one tab: no question
        one.get_by_label("Edit Region").first.click()
        one.keyboard.type(more)
        press(one, "Control+Enter")
        expected = {**WHOLE, "sentence1": [f"{TEXT} It" if more == " It" else f"{TEXT} It rains."]}
        eventually(one, lambda expected=expected: there.annotations(task), [expected])
        wait_for_texts(one, expected)
        one.wait_for_load_state("networkidle")
    assert not one.locator(TWICE).is_visible()

    two.bring_to_front()
    two.get_by_label("Edit Region").first.click()
    two.keyboard.type(" It snows.")
    second = {**WHOLE, "sentence1": [f"{TEXT} It snows."]}
    wait_for_texts(two, second)
    press(two, "Control+Enter")
    box = two.locator(TWICE)
    box.wait_for()
    assert f'Submitted there: "{TEXT} It rains.", "red quay"' in box.inner_text()
    assert f'Written here: "{TEXT} It snows.", "red quay"' in box.inner_text()
    assert there.annotations(task) == [first]
    answer = "Keep the text written here" if keep_here else "Keep the submitted text"
    box.get_by_role("button", name=answer).click()
    kept = second if keep_here else first
    eventually(two, lambda: there.annotations(task), [kept])
    wait_for_texts(two, kept)
    eventually(two, lambda: there.drafts(task), [])
