"""Letters typed while the guide is open, or on a saved sentence, are not lost: in Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.pages import OpenPage, browser, open_page
from tests.integration.written import (
    Stored,
    captions,
    eventually,
    go_back,
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

# The guide is shown before the task has arrived.
LATE_TASK = """
const send = window.fetch;
window.fetch = (url, options) =>
  String(url).includes("next_task")
    ? new Promise((go) => setTimeout(go, 1500)).then(() => send(url, options))
    : send(url, options);
"""
# The page of one image can draw it twice: the second time when one of these answers has arrived.
LATE_SECOND = """
(() => {
  const send = window.fetch.bind(window);
  let answers = 0;
  window.fetch = async (resource, options) => {
    const answer = await send(resource, options);
    const path = new URL(resource, location.href).pathname;
    const second = /\\/api\\/tasks\\/\\d+\\/?$/.test(path) && (answers += 1) > 1;
    if (second || path.endsWith("/label-stream-history"))
      await new Promise((go) => setTimeout(go, LATE));
    return answer;
  };
})();
"""
WRITTEN = "Grey and white houses stand at the quay."


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("first", ["Enter", "Escape", None])
def test_letters_typed_while_the_guide_closes_are_in_the_first_field(
    first: str | None,
    late: bool,
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    there = Stored(server)
    folder = make_workspace(images=1, how="upload")
    email = f"guide-{str(first).lower()}-{late}@example.org".lower()
    project, page = started(open_page, folder, server, client, email)
    if late:
        page.add_init_script(LATE_TASK)
    page.goto(f"{server.url}/projects/{project}/data?labeling=1", wait_until="commit")
    page.locator(".lsf-modal-ls").wait_for()
    if first is not None:
        page.keyboard.press(first)
    page.keyboard.type(WRITTEN, delay=20)
    task = task_of(page)
    wait_for_texts(page, {"sentence1": [WRITTEN]})
    wait_for_focus(page, "sentence1")
    page.keyboard.type(" It rains.")
    eventually(
        page, lambda: [d.get("sentence1") for d in there.drafts(task)], [[f"{WRITTEN} It rains."]]
    )


def test_a_space_typed_on_the_guide_continues_an_unfinished_text(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    there = Stored(server)
    folder = make_workspace(images=1, how="upload")
    project, page = started(open_page, folder, server, client, "guide-space@example.org")
    task = task_of(page)
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Two ships")
    eventually(page, lambda: there.drafts(task), [{"sentence1": ["Two ships"]}])
    for delay, more in ((0, " lie"), (150, " at the quay.")):
        page.goto(f"{server.url}/projects/{project}/data?labeling=1")
        page.locator(".lsf-modal-ls").wait_for()
        task_of(page)
        page.keyboard.type(more, delay=delay)
        expected = "Two ships lie" + (more if delay else "")
        wait_for_texts(page, {"sentence1": [expected]})
        eventually(page, lambda: there.drafts(task), [{"sentence1": [expected]}])


def test_what_is_typed_after_a_new_annotation_was_created_is_in_its_first_field(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    there = Stored(server)
    settings = "[annotation]\nannotators_per_image = 1\nkeywords_min = 0\n"
    folder = make_workspace(images=2, how="upload", settings=settings)
    project, page = started(open_page, folder, server, client, "create@example.org")
    task = task_of(page)
    wait_for_focus(page, "sentence1")
    page.keyboard.type(WRITTEN)
    press(page, "Control+Enter")
    next_task(page, task)
    page.goto(f"{server.url}/projects/{project}/data?task={task}")
    task_of(page)
    page.locator("[aria-label='Create an annotation']").first.click()
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Two ships lie there.", delay=20)
    wait_for_texts(page, {"sentence1": ["Two ships lie there."]})
    press(page, "Control+Enter")
    both = [{"sentence1": [WRITTEN]}, {"sentence1": ["Two ships lie there."]}]
    eventually(page, lambda: there.annotations(task), both)


@pytest.mark.parametrize("submitted", [False, True])
def test_letters_typed_while_the_editor_draws_a_text_again_continue_it(
    submitted: bool,
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    there = Stored(server)
    folder = make_workspace(images=2, how="upload")
    email = f"draws-{submitted}@example.org".lower()
    project, page = started(open_page, folder, server, client, email)
    task = task_of(page)
    wait_for_focus(page, "sentence1")
    text = "Two ships lie there."
    page.keyboard.type(text)
    keywords = {"keywords": ["red quay"]} if submitted else {}
    if submitted:
        press(page, "Tab")
        page.keyboard.type("red quay")
        press(page, "Control+Enter")
        next_task(page, task)
    else:
        eventually(page, lambda: there.drafts(task), [{"sentence1": [text]}])
    for late in (0, 700, 3000):
        page.add_init_script(LATE_SECOND.replace("LATE", str(late)))
        page.goto(f"{server.url}/projects/{project}/data?task={task}")
        page.wait_for_function(
            "(document.activeElement?.name || '').startsWith('sentence1')"
            " || document.activeElement?.ariaLabel === 'Edit Region'"
        )
        more = f" After {late} ms,\nsix cars wait beside them, and it rains."
        page.keyboard.type(more, delay=30 if late < 3000 else 80)
        text += more
        wait_for_texts(page, {"sentence1": [text]} | keywords)
        page.wait_for_timeout(1500)  # another draft is saved
        if submitted:
            press(page, "Control+Enter")
            eventually(page, lambda: [a["sentence1"] for a in there.annotations(task)], [[text]])
        else:
            eventually(page, lambda: there.drafts(task), [{"sentence1": [text]}])


@pytest.mark.parametrize("delay", [0, 20, 100])
def test_a_space_typed_on_a_saved_sentence_continues_it(
    delay: int,
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    folder = make_workspace(images=2, how="upload")
    _, page = started(open_page, folder, server, client, f"space{delay}@example.org")
    task = task_of(page)
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Two ships lie there.")
    press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    next_task(page, task)
    go_back(page, task)
    wait_for_focus(page, "Edit Region")
    page.keyboard.type(" Six cars wait near them.", delay=delay)
    press(page, "Control+Enter")
    page.wait_for_timeout(1500)
    assert ("Two ships lie there. Six cars wait near them.",) in captions(folder)


# How browsers report AltGr on Windows, and the Option key of a Mac.
ALTGR = {"ctrlKey": True, "altKey": True, "modifierAltGraph": True}
OPTION = {"altKey": True}


def press_letter(page: Page, letter: str, modifiers: dict[str, bool]) -> None:
    """Press a key that enters a letter together with modifier keys."""
    entered = page.evaluate(
        """([key, modifiers]) => {
            const options = { key, ...modifiers, bubbles: true, cancelable: true };
            return document.activeElement.dispatchEvent(new KeyboardEvent("keydown", options));
        }""",
        [letter, modifiers],
    )
    if entered:  # the default action of the browser, in the element that has the focus then
        page.keyboard.insert_text(letter)


@pytest.mark.parametrize("modifiers", [ALTGR, OPTION])
def test_letters_of_altgr_are_kept_on_the_guide_and_on_a_saved_sentence(
    modifiers: dict[str, bool],
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    folder = make_workspace(images=2, how="upload")
    email = f"altgr{len(modifiers)}@example.org"
    project, page = started(open_page, folder, server, client, email)
    page.goto(f"{server.url}/projects/{project}/data?labeling=1")
    page.locator(".lsf-modal-ls").wait_for()
    task = task_of(page)
    press_letter(page, "ł", modifiers)
    wait_for_focus(page, "sentence1")
    page.keyboard.type("odzie i statki.")
    press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    next_task(page, task)
    go_back(page, task)
    wait_for_focus(page, "Edit Region")
    press_letter(page, "ó", modifiers)
    page.keyboard.type("smy.")
    text = "łodzie i statki.ósmy."
    wait_for_texts(page, {"sentence1": [text], "keywords": ["red quay"]})
