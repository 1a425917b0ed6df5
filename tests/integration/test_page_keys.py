"""Whole tasks by keys alone, in Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.workspace import Workspace
from tests.integration.given_captions import CAPTIONS, give, workspace_of
from tests.integration.pages import (
    OpenPage,
    browser,
    close_guide,
    open_page,
    open_stream,
    posted,
    pushed,
    sign_up,
)
from tests.integration.written import (
    FIVE,
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

    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]


def test_complete_tasks_by_keyboard_only(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    there = Stored(server)
    folder = make_workspace(images=2, how="upload", settings=FIVE)
    project, page = started(open_page, folder, server, client, "keys@example.org")
    page.goto(f"{server.url}/projects/{project}/data?labeling=1")
    wait_for_focus(page, "Close modal")  # the guide
    press(page, "Enter")
    for image in (1, 2):
        task = task_of(page)
        for number in range(1, 6):
            wait_for_focus(page, f"sentence{number}")
            page.keyboard.type(f"Image {image}, sentence {number}, typed with 1 to 9 and v, h, z.")
            press(page, "Tab")
        wait_for_focus(page, "keywords")
        press(page, "Shift+Tab")
        wait_for_focus(page, "sentence5")
        press(page, "Tab")
        page.keyboard.type("red quay")
        press(page, "Enter")
        page.keyboard.type("- ship")
        press(page, "Control+Enter" if image == 1 else "Meta+Enter")
        eventually(page, lambda task=task: len(there.annotations(task)), 1)
        if image == 1:
            next_task(page, task)
    assert captions(folder) == [
        tuple(
            f"Image {image}, sentence {number}, typed with 1 to 9 and v, h, z."
            for number in range(1, 6)
        )
        for image in (1, 2)
    ]


def test_keywords_alone_by_keys(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    there = Stored(server)
    settings = '[annotation]\ntemplate = "keywords"\n'
    folder = make_workspace(images=2, how="upload", settings=settings)
    _, page = started(open_page, folder, server, client, "keywords-by-keys@example.org")
    task = task_of(page)
    wait_for_focus(page, "keywords")
    page.keyboard.type("  ")
    press(page, "Control+Enter")
    page.get_by_text(
        "This field contains only spaces. Write at least one keyword of your own."
    ).wait_for()
    wait_for_focus(page, "keywords")
    press(page, "Control+A")
    page.keyboard.type("red quay")
    press(page, "Enter")
    page.keyboard.type("- ship")
    # A keyword that is typed and not added is in the draft, and at the next visit.
    whole = {"keywords": ["red quay", "- ship"]}
    eventually(page, lambda: there.drafts(task), [whole])
    page.reload()
    close_guide(page)
    wait_for_texts(page, whole)
    wait_for_focus(page, "keywords")
    press(page, "Control+Enter")
    next_task(page, task)
    assert there.annotations(task) == [whole]


def test_a_correction_by_keys(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    tmp_path: Path,
) -> None:
    there = Stored(server)
    settings = 'template = "correction"\nannotators_per_image = 1\nsentences_per_annotator = 5\n'
    folder = workspace_of(make_workspace, tmp_path, settings)
    pushed(folder)
    with Workspace.open(folder, write=True) as workspace:
        give(workspace)
    _, page = started(open_page, folder, server, client, "corrects-by-keys@example.org")
    task = task_of(page)
    wait_for_focus(page, "Edit Region")
    assert there.drafts(task) == []  # what nobody touched is no draft
    press(page, "Enter")
    wait_for_focus(page, "sentence1")
    press(page, "Control+A")
    page.keyboard.type("Two white ships lie at the quay.")
    page.reload()  # before anything else could save it
    close_guide(page)
    written = {f"sentence{number}": [text] for number, text in enumerate(CAPTIONS, 1)} | {
        "sentence1": ["Two white ships lie at the quay."]
    }
    wait_for_texts(page, written)
    wait_for_focus(page, "sentence1")  # a text of one's own is open for more
    press(page, "Tab")
    page.keyboard.type("It rains.")
    written["sentence2"] = [f"{CAPTIONS[1]}It rains."]
    press(page, "Tab", "Tab", "Tab", "Tab")
    wait_for_focus(page, "keywords")
    page.keyboard.type("red crane")
    press(page, "Control+Enter")
    next_task(page, task)
    assert there.annotations(task) == [written | {"keywords": ["red crane"]}]


def test_the_keys_of_a_ranking_are_unchanged(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    tmp_path: Path,
) -> None:
    """A mouse first, then keys: Ctrl + Enter submits from the button that was clicked, too."""
    folder = workspace_of(make_workspace, tmp_path, 'template = "ranking"')
    project = pushed(folder)
    page = open_page()
    sign_up(page, client, "ranks-by-keys@example.org")
    open_stream(page, server.url, project)
    page.locator("label", has_text="both wrong").click()
    with page.expect_response(posted) as answer:
        press(page, "Control+Enter")
    assert answer.value.status == 201
    page.wait_for_function("!Htx.isLoading && Htx.annotationStore.selected.results.length === 0")
    press(page, "1")
    with page.expect_response(posted) as answer:
        press(page, "Control+Enter")
    assert answer.value.request.post_data_json["result"][0]["value"] == {"choices": ["sentence 1"]}
