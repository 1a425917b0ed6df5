"""A browser that stores nothing: the page works, and its messages are true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.pages import OpenPage, browser, close_guide, open_page
from tests.integration.written import (
    Stored,
    eventually,
    next_task,
    press,
    standing,
    started,
    task_of,
    wait_for_focus,
)

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]

# Label Studio itself needs the storage: it fails only for the texts of these scripts.
FAILING = """
for (const name of %s) {
  const call = Storage.prototype[name];
  Storage.prototype[name] = function (key, ...rest) {
    if (String(key).startsWith("rsitmd")) throw new DOMException("no", "QuotaExceededError");
    return call.call(this, key, ...rest);
  };
}
"""
SENTENCE = "Two ships lie at the quay."


@pytest.mark.parametrize(
    ("name", "calls"),
    [("full", ["setItem"]), ("forbidden", ["setItem", "getItem", "removeItem"])],
)
def test_a_message_says_that_the_text_is_only_on_the_page(
    name: str,
    calls: list[str],
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    there = Stored(server)
    folder = make_workspace(images=2, how="upload")
    project, page = started(open_page, folder, server, client, f"{name}-storage@example.org")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(FAILING % calls)
    page.goto(f"{server.url}/projects/{project}/data?labeling=1")
    close_guide(page)
    task = task_of(page)
    wait_for_focus(page, "sentence1")
    statuses = [500, 503]

    def refuse(route: Route) -> None:
        if statuses and route.request.method == "POST":
            route.fulfill(status=statuses[0], body="")
        else:
            route.continue_()

    page.route("**/drafts*", refuse)
    page.keyboard.type(SENTENCE)
    for subject in ("draft", "server"):
        box = page.locator(f".rsitmd-notice[data-subject={subject}]")
        box.wait_for()
        assert "Your text is only on this page" in box.inner_text()
        assert "Do not close or reload this page" in box.inner_text()
        assert "kept in this browser" not in box.inner_text()
        statuses.pop(0)
    eventually(page, lambda: there.drafts(task), [{"sentence1": [SENTENCE]}])
    press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    next_task(page, task)
    assert there.annotations(task) == [{"sentence1": [SENTENCE], "keywords": ["red quay"]}]
    assert errors == []


def test_an_older_copy_is_removed_when_the_server_has_the_newest_text(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    """The storage becomes full while somebody writes."""
    there = Stored(server)
    folder = make_workspace(images=1, how="upload")
    _, page = started(open_page, folder, server, client, "becomes-full@example.org")
    task = task_of(page)
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Two")
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full'); }; }")
    page.keyboard.type(" ships lie at the quay.")
    eventually(page, lambda: there.drafts(task), [{"sentence1": [SENTENCE]}])
    page.reload()
    close_guide(page)
    task_of(page)
    page.wait_for_timeout(1000)
    assert standing(page) == {"sentence1": [SENTENCE]}
    assert page.locator(".rsitmd-notice[data-subject=backup]").count() == 0
