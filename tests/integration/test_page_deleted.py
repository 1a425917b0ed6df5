"""An image or a submitted text that is deleted on the server while somebody writes about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.ingest import corrections
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from tests.integration.pages import OpenPage, browser, open_page, open_stream, pushed, sign_up
from tests.integration.written import (
    Stored,
    eventually,
    go_back,
    next_task,
    press,
    standing,
    started,
    task_of,
    wait_for_focus,
    wait_for_texts,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page, Response

    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import AddImages, MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]


def write_and_submit(page: Page) -> None:
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Two ships lie at the quay.")
    press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")


def said(page: Page, subject: str = "submit") -> str:
    box = page.locator(f".rsitmd-notice[data-subject={subject}]")
    box.wait_for()
    return box.inner_text()


def refused_drafts(page: Page) -> list[str]:
    """Return a list that gets the content of each draft that the server refuses from now on."""
    found: list[str] = []

    def listen(answer: Response) -> None:
        if answer.request.method in ("POST", "PATCH") and "draft" in answer.url and not answer.ok:
            found.append(answer.request.post_data or "")

    page.on("response", listen)
    return found


def assert_not_repeated(page: Page, refused: list[str], end: str) -> None:
    """Wait for the draft that ends with these words; fail if it is sent again and again."""
    eventually(page, lambda: any(end in draft for draft in refused), True)
    page.wait_for_timeout(7500)  # a repeated draft is sent after two and after four seconds
    # The editor itself sends a draft of a submitted text once more.
    assert sum(end in draft for draft in refused) <= 2


def test_a_submitted_text_that_was_deleted_is_submitted_again(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    there = Stored(server)
    folder = make_workspace(images=2, how="upload")
    _, page = started(open_page, folder, server, client, "deleted-text@example.org")
    task = task_of(page)
    write_and_submit(page)
    next_task(page, task)
    go_back(page, task)
    client.sdk.annotations.delete(page.evaluate("Htx.annotationStore.selected.pk"))

    page.get_by_label("Edit Region").first.click()
    page.keyboard.type(" It rains.")
    press(page, "Control+Enter")
    message = said(page)
    assert "Your submitted text for this image was deleted on the server" in message
    assert "Reload this page: your text is restored. Then submit it." in message

    whole = {"sentence1": ["Two ships lie at the quay. It rains."], "keywords": ["red quay"]}
    page.reload()
    task_of(page)
    wait_for_texts(page, whole)
    press(page, "Control+Enter")
    eventually(page, lambda: there.annotations(task), [whole])


def test_a_message_says_that_an_image_was_deleted(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    folder = make_workspace(images=2, how="upload")
    _, page = started(open_page, folder, server, client, "deleted-image@example.org")
    client.sdk.tasks.delete(task_of(page))
    write_and_submit(page)
    message = said(page)
    assert "This image no longer exists on the server" in message
    assert "is restored if the lead adds the image again" in message
    assert "when you open this image again" not in message  # nobody can open it


def test_a_draft_of_a_deleted_image_is_not_sent_again_and_again(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    folder = make_workspace(images=2, how="upload")
    _, page = started(open_page, folder, server, client, "draft-of-deleted-image@example.org")
    client.sdk.tasks.delete(task_of(page))
    refused = refused_drafts(page)
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Two ships lie at the quay.")
    message = said(page, "draft")
    assert "This image no longer exists on the server" in message
    assert "is restored if the lead adds the image again" in message
    assert_not_repeated(page, refused, "quay.")
    assert standing(page) == {"sentence1": ["Two ships lie at the quay."]}


def test_a_draft_of_a_deleted_text_says_that_the_text_was_deleted(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    folder = make_workspace(images=2, how="upload")
    _, page = started(open_page, folder, server, client, "draft-of-deleted-text@example.org")
    task = task_of(page)
    write_and_submit(page)
    next_task(page, task)
    go_back(page, task)
    client.sdk.annotations.delete(page.evaluate("Htx.annotationStore.selected.pk"))
    refused = refused_drafts(page)
    page.get_by_label("Edit Region").first.click()
    page.keyboard.type(" It rains.")
    message = said(page, "draft")
    assert "Your submitted text for this image was deleted on the server" in message
    assert "Reload this page: your text is restored. Then submit it." in message
    assert_not_repeated(page, refused, "It rains.")
    page.reload()
    task_of(page)
    whole = {"sentence1": ["Two ships lie at the quay. It rains."], "keywords": ["red quay"]}
    wait_for_texts(page, whole)


def test_a_text_is_never_stored_for_another_image_that_got_the_number_of_its_task(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    add_images: AddImages,
    server: EmbeddedServer,
    client: Client,
) -> None:
    there = Stored(server)
    folder = make_workspace(images=2, how="upload")
    _, page = started(open_page, folder, server, client, "number-again@example.org")
    first = task_of(page)
    write_and_submit(page)
    number = next_task(page, first)
    wait_for_focus(page, "sentence1")
    with Workspace.open(folder, write=True) as workspace:
        corrections.remove(workspace, ["harbour_2.tif"], "no permission")
        assert push(workspace).closed_tasks == ["harbour_2.tif"]
        add_images(workspace, 1, "farm")
        assert push(workspace).new == 1
    assert client.sdk.tasks.get(str(number)).data["filename"] == "farm_1.tif"

    page.keyboard.type("Two boats lie at the pier.")
    assert "This image no longer exists on the server" in said(page, "draft")
    press(page, "Tab")
    page.keyboard.type("grey pier")
    press(page, "Control+Enter")
    assert "This image no longer exists on the server" in said(page)
    assert there.drafts(number) == there.annotations(number) == []


@pytest.mark.parametrize("key", ["größe 1", 7])
def test_a_text_is_saved_whatever_key_its_task_has(
    key: object,
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    there = Stored(server)
    project = pushed(make_workspace(images=1, how="upload"))
    [task] = client.sdk.tasks.list(project=project).items or []
    client.sdk.tasks.update(id=str(task.id), data={**task.data, "sha256": key})
    page = open_page()
    sign_up(page, client, f"key-{len(str(key))}@example.org")
    open_stream(page, server.url, project)
    task_of(page)
    write_and_submit(page)
    whole = {"sentence1": ["Two ships lie at the quay."], "keywords": ["red quay"]}
    eventually(page, lambda: there.annotations(int(task.id)), [whole])
