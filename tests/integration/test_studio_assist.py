"""The assist with the real server: hints on the page, suggestions, and life without it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.accounts import Annotator
from rsitmd_tools.studio.assist.run import Assist
from rsitmd_tools.studio.client import Client, connection_of
from rsitmd_tools.studio.push import push
from rsitmd_tools.studio.secrets import secrets_of
from rsitmd_tools.studio.server import EmbeddedServer
from rsitmd_tools.workspace import Workspace

if TYPE_CHECKING:
    from tests.integration.conftest import MakeOwn, MakeWorkspace, Tool

pytestmark = pytest.mark.integration

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
GOOD = "Three red boxes lie in a row on the wide green lawn."


@pytest.fixture(scope="module")
def folder(make_own: MakeOwn) -> Iterator[Path]:
    """A workspace whose server lets the assist connect, its images pushed."""
    folder = make_own(images=5)
    with EmbeddedServer(folder, assist=True):
        with Workspace.open(folder, write=True) as workspace:
            push(workspace)
        yield folder


@pytest.fixture(scope="module")
def client(folder: Path) -> Client:
    with Workspace.open(folder) as workspace:
        return Client(connection_of(workspace))


@pytest.fixture(scope="module")
def tasks(folder: Path) -> list[int]:
    with Workspace.open(folder) as workspace:
        rows = workspace.db.execute("SELECT server_id FROM task ORDER BY id")
        return [row["server_id"] for row in rows]


@pytest.fixture(scope="module")
def lead(client: Client) -> Annotator:
    return Annotator(client.connection, client.connection.token)


def until(look: Callable[[], Any]) -> Any:
    """Wait for what the assist does after the server has told it."""
    for _ in range(200):
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("nothing came")


def hint(client: Client, task: int) -> str:
    return str(client.call(client.sdk.tasks.get, id=str(task)).data["hint"])


def started(tool: Tool, folder: Path) -> subprocess.Popen[str]:
    process = tool.start("annotate", "assist", folder)
    assert process.stdout is not None
    while not (line := process.stdout.readline()).startswith("sentences known"):
        assert line, process.communicate()[1]
    return process


def test_hints_come_go_and_are_caught_up(
    folder: Path, client: Client, tasks: list[int], lead: Annotator, tool: Tool
) -> None:
    process = started(tool, folder)
    try:
        lead.submit(tasks[0], [GOOD], ["red box"])
        lead.submit(tasks[1], ["There are many boxes."], ["green lawn"])
        said = until(lambda: hint(client, tasks[1]))
        assert said.startswith("For lead@rsitmd.example.org: says 'many'")
        assert hint(client, tasks[0]) == ""
        # Nearly a sentence of another image; that one's text is not shown.
        lead.submit(tasks[2], [GOOD.replace("wide ", "")], ["red box"])
        said = until(lambda: hint(client, tasks[2]))
        assert "nearly repeats a sentence of another image" in said
        assert GOOD not in said
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()

    # It is dead: annotation goes on, and the next start catches up.
    lead.submit(tasks[3], ["Some boxes?"], ["red box"])
    mended = client.call(client.sdk.annotations.list, id=tasks[1])[0]
    result = mended.result
    result[0]["value"]["text"] = ["Four white boxes stand along the northern edge of the field."]
    client.call(client.sdk.annotations.update, id=mended.id, result=result)
    assert hint(client, tasks[3]) == ""
    process = started(tool, folder)
    try:
        assert "asks a question" in hint(client, tasks[3])
        assert hint(client, tasks[1]) == ""  # mended
        project = client.call(client.sdk.tasks.get, id=str(tasks[0])).project
        backends = client.call(client.sdk.ml.list, project=project)
        assert [entry.title for entry in backends] == ["rsitmd assist"]
        hooks = client.call(client.sdk.webhooks.list, project=str(project))
        assert [hook.url for hook in hooks] == [f"{backends[0].url}/webhook"]
        assert str(backends[0].state) == "CO"
        # The server asks it for suggestions.
        client.call(client.sdk.ml.predict_interactive, id=backends[0].id, task=tasks[4])
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert client.connection.token not in err


@pytest.mark.browser
def test_the_hint_is_seen_on_the_page(
    folder: Path, client: Client, tasks: list[int], lead: Annotator
) -> None:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: make install"
    )
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium found: apt-get install chromium")
    with Assist(folder):
        lead.submit(tasks[4], ["Several boxes on a <b>lawn</b>."], ["red box"])
        until(lambda: hint(client, tasks[4]))
    known = secrets_of(folder / "studio")
    url = client.connection.url
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
        page.goto(f"{url}/user/login/")
        page.fill("input[name=email]", known.email)
        page.fill("input[name=password]", known.password)
        page.click("button[type=submit]")
        page.wait_for_url(lambda address: "/user/" not in address)
        project = client.call(client.sdk.tasks.get, id=str(tasks[4])).project
        page.goto(f"{url}/projects/{project}/data?task={tasks[4]}")
        shown = page.locator(".rsitmd-note").get_by_text("For lead@rsitmd.example.org: ")
        shown.wait_for()
        box = shown.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < 768
        assert "says 'several'" in shown.inner_text().lower()
        browser.close()


def test_a_server_that_does_not_let_it_connect_is_named(
    make_workspace: MakeWorkspace, tool: Tool
) -> None:
    folder = make_workspace(images=1)
    with pytest.raises(RsitmdError, match="has no project on this server"):
        Assist(folder)
    assert tool.run("annotate", "push", folder).returncode == 0
    answer = tool.run("annotate", "assist", folder)
    assert answer.returncode == 1
    assert "start it with: rsitmd annotate serve DIR --assist" in answer.stderr
