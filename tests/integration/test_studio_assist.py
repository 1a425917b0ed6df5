"""The assist with the real server: hints on the page, suggestions, and life without it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.accounts import invitation_link, sign_up_or_in
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.api.secrets import secrets_of
from rsitmd_tools.studio.assist import run
from rsitmd_tools.studio.assist.run import Assist
from rsitmd_tools.studio.server.embedded import EmbeddedServer
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.studio.sync.results import as_result
from rsitmd_tools.workspace import Workspace
from tests.integration.pages import (
    OpenPage,
    browser,
    in_sight,
    keywords,
    log_in,
    open_page,
    open_stream,
    posted,
    sentence,
    shot,
    sign_up,
    submit_button,
)

if TYPE_CHECKING:
    from tests.forks import Forked
    from tests.integration.conftest import MakeOwn, MakeWorkspace, Tool

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = pytest.mark.integration

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


def suggested(client: Client, task: int) -> list[str]:
    offered = client.call(client.sdk.tasks.get, id=str(task)).data["suggested"]
    return [entry["value"] for entry in offered or []]


def hint(client: Client, task: int) -> str:
    return str(client.call(client.sdk.tasks.get, id=str(task)).data["hint"])


def started(tool: Tool, folder: Path) -> Forked:
    process = tool.start("annotate", "assist", folder)
    while not (line := process.stdout.readline()).startswith("sentences read"):
        assert line, process.communicate()[1]
    return process


def test_hints_are_added_removed_and_updated_after_a_restart(
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
        assert "almost the same as a sentence of another image" in said
        assert GOOD not in said
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()

    # It is dead: annotation goes on, and the next start catches up.
    lead.submit(tasks[3], ["Some boxes?"], ["red box"])
    corrected = client.call(client.sdk.annotations.list, id=tasks[1])[0]
    result = corrected.result
    result[0]["value"]["text"] = ["Four white boxes stand along the northern edge of the field."]
    client.call(client.sdk.annotations.update, id=corrected.id, result=result)
    assert hint(client, tasks[3]) == ""
    process = started(tool, folder)
    try:
        assert "asks a question" in hint(client, tasks[3])
        assert hint(client, tasks[1]) == ""  # corrected
        project = client.call(client.sdk.tasks.get, id=str(tasks[0])).project
        backends = client.call(client.sdk.ml.list, project=project)
        assert [entry.title for entry in backends] == ["rsitmd assist"]
        hooks = client.call(client.sdk.webhooks.list, project=str(project))
        assert [hook.url for hook in hooks] == [f"{backends[0].url}/webhook"]
        assert str(backends[0].state) == "CO"
        # The server asks it for suggestions: what it collects by itself gets none.
        task = client.call(client.sdk.tasks.get, id=str(tasks[4]))
        assert task.predictions == []
        number, url = backends[0].id, backends[0].url
        client.call(client.sdk.ml.update, id=number, url=url, project=project, is_interactive=True)
        answer = client.sdk._client_wrapper.httpx_client.request(
            f"api/ml/{number}/interactive-annotating",
            method="POST",
            json={"task": tasks[4], "context": {"result": as_result(["A lawn."], [])}},
        )
        assert answer.json()["data"]["result"][0]["value"]["text"] == ["green lawn"]
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert client.connection.token not in err


def test_a_hint_uses_only_the_text_on_the_server(
    folder: Path,
    client: Client,
    tasks: list[int],
    lead: Annotator,
    capfd: pytest.CaptureFixture[str],
) -> None:
    lead.submit(tasks[4], [GOOD.replace("Three", "Seven")], ["red box"])
    [real] = client.call(client.sdk.annotations.list, id=tasks[4])
    project = client.call(client.sdk.tasks.get, id=str(tasks[4])).project
    forged = {
        "action": "ANNOTATION_UPDATED",
        "project": {"id": project},
        "task": {"id": tasks[4], "project": project, "data": {"category": "x"}},
        "annotation": {"id": real.id, "result": as_result(["Many lies."], []), "completed_by": 1},
    }
    odd = {**forged, "task": {"id": 10**9}}
    other = {**forged, "annotation": {**forged["annotation"], "id": 10**9}}
    with Assist(folder) as assist, httpx.Client(trust_env=False) as anybody:
        known = len(assist.adviser)
        base = f"http://{assist.backend.address}"
        assert anybody.post(f"{base}/webhook", json=forged).status_code == 404
        page = {"Origin": "http://evil.example.org"}
        answer = anybody.post(f"{assist.backend.url}/webhook", json=forged, headers=page)
        assert answer.status_code == 403
        # Every member of the server can read the address there; what they post is not believed.
        for event in (odd, other, forged):
            assert anybody.post(f"{assist.backend.url}/webhook", json=event).status_code == 200
        # They are done in their order: with this one the others are done.
        lead.submit(tasks[4], ["There are many boxes."], ["red box"])
        said = until(lambda: hint(client, tasks[4]))
        assert "says 'many'" in said and "lies" not in said
        assert len(assist.adviser) == known + 1
    for annotation in client.call(client.sdk.annotations.list, id=tasks[4]):
        client.call(client.sdk.annotations.delete, id=annotation.id)
    assert "Traceback" not in capfd.readouterr().err


def test_a_deleted_annotation_is_forgotten(
    folder: Path, client: Client, tasks: list[int], lead: Annotator
) -> None:
    with Assist(folder) as assist:
        known = len(assist.adviser)
        lead.submit(tasks[4], [GOOD.replace("Three", "Nine")], ["red box"])
        until(lambda: len(assist.adviser) == known + 1)
        for annotation in client.call(client.sdk.annotations.list, id=tasks[4]):
            client.call(client.sdk.annotations.delete, id=annotation.id)
        until(lambda: len(assist.adviser) == known)


def test_a_start_replaces_every_address_of_earlier_ones(
    folder: Path, client: Client, tasks: list[int]
) -> None:
    project = client.call(client.sdk.tasks.get, id=str(tasks[0])).project
    # A killed start left a hook whose backend is gone; the other one is somebody else's.
    for url in ("http://127.0.0.1:9/rsitmd-assist-old/webhook", "http://example.org/theirs"):
        client.call(client.sdk.webhooks.create, project=project, url=url, send_payload=True)
    seen = set()
    for _ in range(2):
        with Assist(folder) as assist:
            backends = client.call(client.sdk.ml.list, project=project)
            assert [entry.url for entry in backends] == [assist.backend.url]
            hooks = client.call(client.sdk.webhooks.list, project=str(project))
            assert {hook.url for hook in hooks} == {
                "http://example.org/theirs",
                f"{assist.backend.url}/webhook",
            }
            seen.add(assist.backend.path)
    assert len(seen) == 2
    for hook in hooks:
        client.call(client.sdk.webhooks.delete, id=hook.id)


def test_the_server_refuses_other_host_names(client: Client) -> None:
    url = client.connection.url
    for host, status in (
        (url.removeprefix("http://"), 200),
        ("localhost:1", 200),
        ("evil.example.org", 400),
    ):
        for path in ("/health", "/user/login/"):
            answer = httpx.get(f"{url}{path}", headers={"Host": host}, trust_env=False)
            assert answer.status_code == status, (host, path)


@pytest.mark.browser
def test_suggested_keywords_count_only_if_selected(
    folder: Path, client: Client, tasks: list[int], lead: Annotator, open_page: OpenPage
) -> None:
    email = "ticks@example.org"
    page = open_page()
    sign_up(page, client, email)
    project = client.call(client.sdk.tasks.get, id=str(tasks[0])).project
    with Assist(folder):
        lead.submit(tasks[3], [GOOD.replace("Three", "Four")], ["red box", "wide lawn"])
        until(lambda: {"red box", "wide lawn"} <= set(suggested(client, tasks[0])))
        open_stream(page, client.connection.url, project)
        number = client.call(client.sdk.tasks.get, id=str(tasks[0])).id
        box = page.locator(".rsitmd-suggested")
        box.get_by_text("Others chose").wait_for()
        assert in_sight(page, box)
        shot(page, "suggestions")
        # Nothing of it is in the field, and digits in a sentence tick nothing.
        assert page.locator(".rsitmd-keywords [data-testid=textarea-region]").count() == 0
        sentence(page).click()
        page.keyboard.type("The 1st of 2 boxes stands on a lawn of 3 colours.")
        assert box.locator("input:checked").count() == 0
        box.get_by_text("wide lawn").click()
        keywords(page).click()
        page.keyboard.type("tall box")
        with page.expect_response(posted) as answer:
            submit_button(page).click()
        assert answer.value.status == 201
        assert answer.value.json()["task"] == number
        until(lambda: hint(client, number) is not None)
    with Workspace.open(folder, write=True) as workspace:
        pull(workspace)
        rows = workspace.db.execute(
            "SELECT keyword.raw FROM keyword JOIN annotation ON annotation.id = annotation_id"
            " JOIN annotator ON annotator.id = annotator_id WHERE email = ? ORDER BY slot",
            (email,),
        )
        assert [row["raw"] for row in rows] == ["tall box", "wide lawn"]
    # What was ticked can be ticked off again: it stays on offer.
    assert "wide lawn" in suggested(client, number)


@pytest.mark.browser
def test_the_hint_is_seen_on_the_page(
    folder: Path, client: Client, tasks: list[int], lead: Annotator, open_page: OpenPage
) -> None:
    with Assist(folder):
        lead.submit(tasks[4], ["Several boxes on a <b>lawn</b>."], ["red box"])
        until(lambda: hint(client, tasks[4]))
    known = secrets_of(folder / "studio")
    url = client.connection.url
    page = open_page()
    log_in(page, url, known.email, known.password)
    project = client.call(client.sdk.tasks.get, id=str(tasks[4])).project
    page.goto(f"{url}/projects/{project}/data?task={tasks[4]}")
    shown = page.locator(".rsitmd-note").get_by_text("For lead@rsitmd.example.org: ")
    shown.wait_for()
    # The page lays itself out anew as its image comes in.
    until(lambda: in_sight(page, shown))
    assert "says 'several'" in shown.inner_text().lower()
    shot(page, "hint")


def test_a_server_that_does_not_let_it_connect_is_named(
    make_workspace: MakeWorkspace, tool: Tool
) -> None:
    folder = make_workspace(images=1)
    with pytest.raises(RsitmdError, match="has no project on this server"):
        Assist(folder)
    assert tool.run("annotate", "push", folder).returncode == 0
    answer = tool.run("annotate", "assist", folder)
    assert answer.returncode == 1
    assert "stop the server and run: rsitmd annotate serve " in answer.stderr


def test_people_and_projects_that_come_while_it_runs(
    folder: Path, client: Client, tool: Tool
) -> None:
    process = started(tool, folder)
    try:
        link = invitation_link(client)
        for name, text in (("fritz", "There are many boxes."), ("gerda", "Are there boxes?")):
            token = sign_up_or_in(link, f"{name}@example.org", "a long password for tests")
            person = Annotator(client.connection, token)
            task = newest_task(folder)
            person.submit(task, [text], ["red box"])
        said = until(lambda: "gerda" in (lines := hint(client, task)) and lines).splitlines()
        [of_fritz] = [line for line in said if line.startswith("For fritz@example.org: ")]
        assert "says 'many'" in of_fritz
        assert sum(line.startswith("For gerda@example.org: ") for line in said) == 1
        # Its project is deleted by hand, and the next push creates another one.
        client.sdk.projects.delete(id=client.sdk.tasks.get(id=str(task)).project)
        with Workspace.open(folder, write=True) as workspace:
            push(workspace)
        new = newest_task(folder)
        person.submit(new, ["Several boxes."], ["red box"])
        assert "says 'several'" in until(lambda: hint(client, new))
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def test_texts_of_a_deleted_project_are_forgotten(
    folder: Path, client: Client, lead: Annotator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PROJECTS_SECONDS", 0.2)
    text = GOOD.replace("Three", "Eleven")
    with Assist(folder) as assist:
        known = len(assist.adviser)
        task = newest_task(folder)
        lead.submit(task, [text], ["red box"])
        until(lambda: len(assist.adviser) == known + 1)
        client.sdk.projects.delete(id=client.sdk.tasks.get(id=str(task)).project)
        until(lambda: len(assist.adviser) == 0)
        with Workspace.open(folder, write=True) as workspace:
            push(workspace)
        # Its author writes it again: it is not a copy of itself.
        again = newest_task(folder)
        lead.submit(again, [text], ["red box"])
        lead.submit(again - 1, ["There are many boxes."], ["red box"])
        assert "says 'many'" in until(lambda: hint(client, again - 1))
        assert hint(client, again) == ""
    # The next start removes nothing and connects to the new project.
    with Assist(folder) as assist:
        assert len(assist.adviser) == 2


def newest_task(folder: Path) -> int:
    """Return the last task of the workspace on the server."""
    with Workspace.open(folder) as workspace:
        row = workspace.db.execute("SELECT max(server_id) FROM task").fetchone()
        return int(row[0])
