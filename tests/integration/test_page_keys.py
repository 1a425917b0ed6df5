"""Whole tasks by keys alone, in Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.pages import (
    OpenPage,
    browser,
    open_page,
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
)

if TYPE_CHECKING:
    from rsitmd_tools.studio.client import Client
    from rsitmd_tools.studio.server import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]


def test_whole_tasks_by_keys_alone(
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
