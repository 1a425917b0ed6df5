"""Helpers for tests of what is written on the page: what stands there, what the server has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.server.embedded import EmbeddedServer
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from tests.integration.pages import OpenPage, open_stream, pushed, sign_up

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from rsitmd_tools.demo.annotator import Annotator
    from tests.integration.conftest import MakeWorkspace

FIVE = "[annotation]\nannotators_per_image = 1\nsentences_per_annotator = 5\n"
LOADING = ("Execution context was destroyed", "rsitmd is not defined")
SOON = 30_000  # milliseconds; nothing waits so long


class Stored:
    """What the server has of tasks, read with the lead's token."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.url = server.url
        self._headers = {"Authorization": f"Token {server.token}"}

    def _get(self, path: str) -> Any:
        answer = httpx.get(f"{self.url}/api/{path}", headers=self._headers)
        answer.raise_for_status()
        return answer.json()

    def drafts(self, task: int) -> list[dict[str, list[str]]]:
        """Return the texts of each draft of a task, by field."""
        return [texts(draft["result"]) for draft in self._get(f"tasks/{task}/drafts")]

    def annotations(self, task: int) -> list[dict[str, list[str]]]:
        """Return the texts of each annotation of a task that is no skip, by field."""
        return [texts(entry["result"]) for entry in self._get(f"tasks/{task}/annotations")]


def texts(result: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {
        part["from_name"]: part["value"]["text"] for part in result if part["value"].get("text")
    }


def task_of(page: Page) -> int:
    """Wait until a task stands on the page and return its number."""
    page.wait_for_function(
        "window.Htx?.task && !Htx.isLoading && Htx.annotationStore.selected"
        " && document.querySelector('[data-testid=textarea-control]')"
    )
    return int(page.evaluate("Htx.task.id"))


def next_task(page: Page, before: int) -> int:
    page.wait_for_function(f"window.Htx?.task && !Htx.isLoading && Htx.task.id != {before}")
    return task_of(page)


def wait_for_focus(page: Page, name: str) -> None:
    page.wait_for_function(
        "name => { const e = document.activeElement;"
        " return (e.name || e.getAttribute('aria-label') || '').split(':')[0] === name; }",
        arg=name,
    )


def eventually(page: Page, read: Callable[[], Any], expected: Any) -> None:
    """Wait until the server has this."""
    for _ in range(SOON // 100):
        if read() == expected:
            return
        page.wait_for_timeout(100)
    found = read()
    assert found == expected


def standing(page: Page) -> dict[str, list[str]]:
    """Return what stands in the fields, by field."""
    found: dict[str, list[str]] = page.evaluate("rsitmd.editor.allTexts()")
    return {name: words for name, words in found.items() if words}


def wait_for_texts(page: Page, expected: dict[str, list[str]]) -> None:
    """Wait until these texts stand in the fields; the page may load itself again meanwhile."""
    from playwright.sync_api import Error as PlaywrightError

    def read() -> dict[str, list[str]] | None:
        try:
            return standing(page)
        except PlaywrightError as error:
            if not any(reason in str(error) for reason in LOADING):
                raise
            page.wait_for_load_state()
            return None

    eventually(page, read, expected)


def started(
    open_page: OpenPage,
    folder: Path,
    server: EmbeddedServer,
    client: Client,
    email: str,
) -> tuple[int, Page]:
    """Push a workspace; return its project and the page of somebody at the first image."""
    project = pushed(folder)
    page: Page = open_page()
    sign_up(page, client, email)
    open_stream(page, server.url, project)
    task_of(page)
    return project, page


def submitted(
    make_workspace: MakeWorkspace, client: Client, annotator: Annotator, words: list[str]
) -> tuple[str, int]:
    """Push one image for which an annotator submits these sentences; return its path and task."""
    folder = make_workspace(images=1, how="upload", settings=f"{FIVE}keywords_min = 0\n")
    project = pushed(folder)
    task = client.sdk.tasks.list(project=project).items[0].id
    annotator.submit(task, words, [])
    return f"/projects/{project}/data?task={task}", task


def by_field(words: list[str]) -> dict[str, list[str]]:
    """Return sentences as the page and the server have them, by field."""
    return {f"sentence{number}": [text] for number, text in enumerate(words, 1)}


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def go_back(page: Page, task: int) -> None:
    """Go to the image before with the arrow of the page."""
    page.locator("button[aria-label*=revious]").first.click()
    page.wait_for_function(f"!Htx.isLoading && Htx.task.id == {task}")
    task_of(page)


def captions(folder: Path) -> list[tuple[str, ...]]:
    with Workspace.open(folder, write=True) as workspace:
        pull(workspace)
        return [image.captions for image in merged_images(workspace)]
