"""What is typed through an input method, and after Back, in Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.pages import OpenPage, browser, close_guide, open_page, sentence
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
    from playwright.sync_api import CDPSession, Page, Route

    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]

OF_THE_INPUT_METHOD = 229  # the code of every key that an input method handles


def compose(keyboard: CDPSession, letters: str, key: str, chosen: str) -> None:
    """Type letters through an input method, press a key in its window, and choose a word."""
    composition = {"text": letters, "selectionStart": len(letters), "selectionEnd": len(letters)}
    keyboard.send("Input.imeSetComposition", composition)
    event = {"key": key, "code": key, "windowsVirtualKeyCode": OF_THE_INPUT_METHOD}
    keyboard.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **event})
    keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", **event})
    keyboard.send("Input.insertText", {"text": chosen})


def settle(page: Page) -> None:
    """Wait until the editor has drawn the saved texts for the last time.

    It draws them again when the image arrives, and then the browser ends a composition: its letters
    stay in the text.
    """
    page.wait_for_function(
        """() => {
            const now = `${document.activeElement.name} ${rsitmd.editor.image()?.stageWidth}`;
            if (window.drawn !== now) [window.drawn, window.since] = [now, Date.now()];
            return Date.now() - window.since > 2000;
        }"""
    )


def test_keys_of_an_input_method_do_not_close_a_text_that_is_changed(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    there = Stored(server)
    folder = make_workspace(images=1, how="upload")
    _, page = started(open_page, folder, server, client, "input-method@example.org")
    task = task_of(page)
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Ships.")
    press(page, "Tab")
    page.keyboard.type("quay")
    press(page, "Enter")
    wanted = {"sentence1": ["Ships."], "keywords": ["quay"]}
    eventually(page, lambda: there.drafts(task), [wanted])
    page.reload()
    close_guide(page)
    wait_for_focus(page, "sentence1")
    settle(page)
    keyboard = page.context.new_cdp_session(page)
    for key, chosen in (("Enter", "船"), ("Escape", "港"), ("Tab", "口")):
        compose(keyboard, "chuan", key, chosen)
        wanted["sentence1"] = [wanted["sentence1"][0] + chosen]
        wait_for_texts(page, wanted)
    page.get_by_label("Edit Region").last.click()
    wait_for_focus(page, "keywords")
    compose(keyboard, "hong", "Enter", "红")
    wanted["keywords"] = ["quay红"]
    wait_for_texts(page, wanted)
    press(page, "Enter")
    eventually(page, lambda: there.drafts(task), [wanted])


def correct(page: Page, text: str) -> None:
    """Replace the text of the first field as browser extensions do."""
    sentence(page).evaluate(
        "(field, text) => { field.value = text;"
        " field.dispatchEvent(new Event('input', { bubbles: true })); }",
        text,
    )


def test_a_text_that_a_browser_extension_corrects_is_submitted(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    there = Stored(server)
    folder = make_workspace(images=2, how="upload")
    _, page = started(open_page, folder, server, client, "extension@example.org")
    task = task_of(page)
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Two shpis")
    correct(page, "Two ships")
    page.keyboard.type(" lie at the quay.")
    correct(page, "Two ships lie at a quay.")
    press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    next_task(page, task)
    whole = {"sentence1": ["Two ships lie at a quay."], "keywords": ["red quay"]}
    assert there.annotations(task) == [whole]


def test_back_from_the_projects_does_not_run_the_scripts_twice(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    there = Stored(server)
    folder = make_workspace(images=1, how="upload")
    _, page = started(open_page, folder, server, client, "back-again@example.org")
    task = task_of(page)
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Ships.")
    eventually(page, lambda: there.drafts(task), [{"sentence1": ["Ships."]}])
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.evaluate("window.sameWindow = true")
    page.get_by_role("link", name="Projects").first.click()
    page.wait_for_url("**/projects?**")
    page.go_back()
    close_guide(page)
    wait_for_texts(page, {"sentence1": ["Ships."]})
    wait_for_focus(page, "sentence1")
    page.keyboard.type(" More.")
    eventually(page, lambda: there.drafts(task), [{"sentence1": ["Ships. More."]}])
    assert page.evaluate("sameWindow")
    assert page.locator(".rsitmd-notice").all_inner_texts() == []  # no other tab
    assert faults == []


def test_a_text_typed_after_back_is_not_drawn_away(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    there = Stored(server)
    folder = make_workspace(images=1, how="upload")
    project, page = started(open_page, folder, server, client, "back-to-a-task@example.org")
    task = task_of(page)
    page.goto(f"{server.url}/projects/{project}/data?task={task}")
    task_of(page)
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Ships.")
    eventually(page, lambda: there.drafts(task), [{"sentence1": ["Ships."]}])
    page.get_by_role("link", name="Projects").first.click()
    page.wait_for_url("**/projects?**")

    def late(route: Route) -> None:  # the list of tasks arrives first
        page.wait_for_timeout(1500)
        route.continue_()

    page.route(f"**/api/tasks/{task}?*", late)
    page.go_back()
    assert task_of(page) == task
    wait_for_focus(page, "sentence1")
    page.keyboard.type(" More.")
    whole = {"sentence1": ["Ships. More."]}
    wait_for_texts(page, whole)
    eventually(page, lambda: there.drafts(task), [whole])
    assert page.locator(".rsitmd-notice").all_inner_texts() == []
