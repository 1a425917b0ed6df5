"""Submit, Update and Skip on the page: nothing is lost without a question."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.workspace import Workspace
from tests.integration.given_captions import CAPTIONS, give, workspace_of
from tests.integration.pages import (
    LAPTOP,
    OpenPage,
    browser,
    in_sight,
    keywords,
    log_in,
    open_page,
    open_stream,
    pushed,
    sentence,
    shot,
    submit_button,
)
from tests.integration.written import (
    FIVE,
    Stored,
    by_field,
    captions,
    eventually,
    go_back,
    next_task,
    press,
    started,
    submitted,
    task_of,
    wait_for_focus,
    wait_for_texts,
)

if TYPE_CHECKING:
    from playwright.sync_api import Dialog

    from rsitmd_tools.demo.annotator import Annotator
    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]


def test_skip_asks_if_there_is_text_and_can_be_undone(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    there = Stored(server)
    folder = make_workspace(images=3, how="upload")
    _, page = started(open_page, folder, server, client, "skips@example.org")
    first = task_of(page)
    asked: list[str] = []
    answer = {"yes": False}

    def on_dialog(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept() if answer["yes"] else dialog.dismiss()

    page.on("dialog", on_dialog)
    skip = page.get_by_label("skip-task")
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Two ships lie at the quay.")
    skip.click()
    assert re.search("Skip discards", asked.pop())
    wait_for_texts(page, {"sentence1": ["Two ships lie at the quay."]})
    keywords(page).click()
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    second = next_task(page, first)
    go_back(page, first)
    for by in (skip.click, lambda: press(page, "Control+Space")):
        page.evaluate("document.activeElement.blur()")
        by()
        assert re.search("If you skip it, your text no longer counts", asked.pop())
        assert task_of(page) == first
    kept = [{"sentence1": ["Two ships lie at the quay."], "keywords": ["red quay"]}]
    assert there.annotations(first) == kept
    answer["yes"] = True
    skip.click()
    next_task(page, first)
    assert len(asked) == 1
    eventually(page, lambda: there.annotations(first), [])
    # What the question says is true: the text comes back, and is submitted again.
    go_back(page, first)
    page.get_by_label("cancel-skip").click()
    eventually(page, lambda: there.drafts(first), kept)
    submit_button(page).wait_for()
    wait_for_texts(page, kept[0])
    press(page, "Control+Enter")
    next_task(page, first)
    eventually(page, lambda: there.annotations(first), kept)
    # An image in which nothing is written is skipped without a question.
    assert task_of(page) == second
    skip.click()
    next_task(page, second)
    assert len(asked) == 1


def test_a_caption_that_nobody_has_changed_is_skipped_without_a_question(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    tmp_path: Path,
) -> None:
    folder = workspace_of(make_workspace, tmp_path, "keywords_min = 0")
    pushed(folder)
    with Workspace.open(folder, write=True) as workspace:
        give(workspace)
    _, page = started(open_page, folder, server, client, "skips-given@example.org")
    asked: list[str] = []

    def on_dialog(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", on_dialog)
    first = task_of(page)
    wait_for_texts(page, {"sentence1": [CAPTIONS[0]]})
    page.get_by_label("skip-task").click()
    second = next_task(page, first)
    assert asked == []
    page.keyboard.type(" Grey.")
    wait_for_texts(page, {"sentence1": [f"{CAPTIONS[0]} Grey."]})
    page.get_by_label("skip-task").click()
    assert re.search("Skip discards", asked.pop())
    assert task_of(page) == second


def test_two_tabs_of_one_image_ask_before_text_is_overwritten(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    there = Stored(server)
    folder = make_workspace(images=3, how="upload")
    project, page = started(open_page, folder, server, client, "tabs@example.org")
    other = page.context.new_page()
    for keep_here in (True, False):
        page.bring_to_front()
        open_stream(page, server.url, project)
        task = task_of(page)
        other.bring_to_front()
        open_stream(other, server.url, project)
        assert task_of(other) == task
        wait_for_focus(other, "sentence1")
        other.keyboard.type("Written in the second tab.")
        press(other, "Tab")
        other.keyboard.type("red quay")
        page.bring_to_front()
        wait_for_focus(page, "sentence1")
        page.keyboard.type("Written in the first tab.")
        press(page, "Tab")
        page.keyboard.type("red quay")
        press(page, "Control+Enter")
        next_task(page, task)
        other.bring_to_front()
        press(other, "Control+Enter")
        box = other.locator(".rsitmd-notice[data-subject=twice]")
        box.wait_for()
        said = box.inner_text()
        assert "already submitted this image in another tab" in said
        assert 'Submitted there: "Written in the first tab."' in said
        assert 'Written here: "Written in the second tab."' in said
        shot(other, "two-tabs", LAPTOP)
        # The image stands beside the two texts, and Enter answers nothing.
        image = box.get_by_role("img")
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 256
        assert in_sight(other, image)
        press(other, "Enter", " ")
        assert box.evaluate("box => document.activeElement === box")
        other.get_by_role(
            "button", name="Keep the text written here" if keep_here else "Keep the submitted text"
        ).click()
        next_task(other, task)
        assert not other.get_by_text("contact our team").is_visible()
        kept = "Written in the second tab." if keep_here else "Written in the first tab."
        assert [a["sentence1"] for a in there.annotations(task)] == [[kept]]
        eventually(page, lambda task=task: there.drafts(task), [])
    assert captions(folder)[:2] == [
        ("Written in the second tab.",),
        ("Written in the first tab.",),
    ]


def test_spaces_are_refused_and_their_field_has_the_focus(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    there = Stored(server)
    folder = make_workspace(images=2, how="upload", settings=FIVE)
    _, page = started(open_page, folder, server, client, "spaces@example.org")
    task = task_of(page)
    for number in range(1, 6):
        wait_for_focus(page, f"sentence{number}")
        page.keyboard.type("   " if number == 3 else f"Sentence number {number}.")
        press(page, "Tab")
    page.keyboard.type("red quay")
    box = page.locator(".rsitmd-notice")
    for submit in (submit_button(page).click, lambda: press(page, "Control+Enter")):
        submit()
        box.wait_for()
        assert "This field contains only spaces. Write sentence 3." in box.inner_text()
        wait_for_focus(page, "sentence3")
        assert there.annotations(task) == []
    shot(page, "spaces", LAPTOP)
    page.keyboard.type("Sentence number 3.")
    press(page, "Control+Enter")
    next_task(page, task)
    box.wait_for(state="hidden")
    # Update refuses them too.
    go_back(page, task)
    page.get_by_label("Edit Region").nth(1).click()
    press(page, "Control+A")
    page.keyboard.type(" ")
    press(page, "Control+Enter")
    box.wait_for()
    assert "This field contains only spaces. Write sentence 2." in box.inner_text()
    wait_for_focus(page, "sentence2")
    page.keyboard.type("Written anew.")
    press(page, "Control+Enter")
    eventually(
        page, lambda: [a["sentence2"] for a in there.annotations(task)], [[" Written anew."]]
    )
    assert captions(folder)[0][1] == "Written anew."


def test_what_was_typed_a_moment_ago_on_a_submitted_image_is_in_the_update(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    annotators: list[tuple[str, Annotator]],
) -> None:
    there = Stored(server)
    email, annotator = annotators[2]
    words = ["One.", "Two.", "Three.", "Four."]  # sentence 5 and the keywords are empty
    path, task = submitted(make_workspace, client, annotator, words)
    page = open_page()
    log_in(page, server.url, email)
    stored = by_field(words)
    # No draft: the text is typed and nothing else has happened.
    page.context.route("**/drafts**", lambda route: None)
    for name, field in (("sentence5", sentence(page, 5)), ("keywords", keywords(page))):
        page.goto(server.url + path)
        wait_for_texts(page, stored)
        field.click()
        press(page, "Control+Enter")
        page.get_by_text("You have not changed anything").wait_for()
        page.keyboard.type("red quay")
        press(page, "Control+Enter")
        stored[name] = ["red quay"]
        eventually(page, lambda: there.annotations(task), [stored])
