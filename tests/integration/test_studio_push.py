"""Push: one task an image, whatever happened."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import Connection, connection_of, save_connection
from rsitmd_tools.studio.sync import push as push_module
from rsitmd_tools.studio.sync.projects import Projects
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import join
from rsitmd_tools.workspace.tasks import known_tasks
from tests.integration.conftest import NOWHERE
from tests.integration.drafts import save_draft

if TYPE_CHECKING:
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import AddImages, MakeWorkspace, Tool
    from tests.integration.relay import Relay

pytestmark = pytest.mark.integration


def project_of(workspace: Workspace) -> int:
    rows = workspace.db.execute("SELECT server_id FROM project").fetchall()
    assert len(rows) == 1
    return int(rows[0]["server_id"])


def assert_one_task_an_image(workspace: Workspace, client: Client) -> None:
    """The server has each image once, and the workspace knows each task by its number."""
    on_server = {
        task.data["filename"]: task.id
        for page in client.pages(project_of(workspace))
        for task in page
    }
    rows = workspace.db.execute(
        "SELECT filename, server_id FROM image LEFT JOIN task ON image.id = image_id"
    )
    assert {row["filename"]: row["server_id"] for row in rows} == on_server
    assert client.sdk.projects.get(id=project_of(workspace)).task_number == len(on_server)


def test_a_second_push_sends_only_new_images(
    make_workspace: MakeWorkspace, client: Client, add_images: AddImages
) -> None:
    with Workspace.open(make_workspace(), write=True) as workspace:
        first, second = push(workspace), push(workspace)
        assert (first.new, first.found, first.known) == (5, 0, 0)
        assert (second.new, second.found, second.known) == (0, 0, 5)
        add_images(workspace, 2, first=6)
        third = push(workspace)
        assert (third.new, third.found, third.known) == (2, 0, 5)
        assert_one_task_an_image(workspace, client)


# A push of five images in batches of two: the list of projects, the project made, the tasks
# there, three batches.
@pytest.mark.parametrize("answers", [2, 3, 5])
def test_a_killed_push_is_run_again(
    answers: int, make_workspace: MakeWorkspace, client: Client, tool: Tool
) -> None:
    folder = make_workspace()
    tool.killed_after(answers, "push", folder)
    again = tool.run("annotate", "push", folder)
    assert again.returncode == 0, again.stderr
    with Workspace.open(folder, write=True) as workspace:
        assert_one_task_an_image(workspace, client)
        assert push(workspace).known == 5


@pytest.mark.parametrize("path", ["/api/projects/ ", "/import"])
def test_a_truncated_answer_creates_nothing_twice(
    path: str, make_workspace: MakeWorkspace, client: Client, relay: Relay
) -> None:
    folder = make_workspace(url=relay.url)
    relay.spoil = lambda method, seen, count: (
        "cut" if method == "POST" and path.strip() in seen else None
    )
    with Workspace.open(folder, write=True) as workspace:
        with pytest.raises(RsitmdError, match="the connection failed"):
            push(workspace)
        relay.spoil = lambda method, seen, count: None
        push(workspace)
        assert_one_task_an_image(workspace, client)
        title = workspace.settings.dataset.name
    projects = [p for p in client.sdk.projects.list() if p.title == title]
    assert len(projects) == 1


def test_a_passing_refusal_is_waited_for(
    make_workspace: MakeWorkspace, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rsitmd_tools.studio.api.calls.PAUSES", (0.0, 0.0, 0.0))
    spoiled: set[str] = set()

    def first_of_each(method: str, path: str, count: int) -> int | None:
        new = method not in spoiled
        spoiled.add(method)
        return {"GET": 502, "POST": 429}[method] if new else None

    relay.spoil = first_of_each
    with Workspace.open(make_workspace(url=relay.url), write=True) as workspace:
        assert push(workspace).new == 5
    assert spoiled == {"GET", "POST"}


def test_a_post_that_may_have_been_done_is_not_sent_again_unseen(
    make_workspace: MakeWorkspace, relay: Relay
) -> None:
    relay.spoil = lambda method, path, count: 502 if method == "POST" else None
    with Workspace.open(make_workspace(url=relay.url), write=True) as workspace:
        with pytest.raises(RsitmdError, match="the server answered 502"):
            push(workspace)
        assert [method for method, _ in relay.seen].count("POST") == 1


def test_a_task_deleted_by_hand_is_pushed_again(
    make_workspace: MakeWorkspace, client: Client
) -> None:
    with Workspace.open(make_workspace(), write=True) as workspace:
        push(workspace)
        number = project_of(workspace)
        tasks = [task for page in client.pages(number) for task in page]
        client.sdk.tasks.delete(id=str(tasks[3].id))
        assert push(workspace).new == 1
        assert_one_task_an_image(workspace, client)


def test_a_copied_task_is_deleted_unless_somebody_has_written_in_it(
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    annotators: list[tuple[str, Annotator]],
) -> None:
    """A server that was late carries out the first request after the repeated one."""
    with Workspace.open(make_workspace(), write=True) as workspace:
        push(workspace)
        number = project_of(workspace)
        tasks = [task for page in client.pages(number) for task in page]
        before = dict(workspace.db.execute("SELECT image_id, server_id FROM task").fetchall())
        client.sdk.projects.import_tasks(
            id=number, request=[{"data": task.data} for task in tasks[:3]]
        )
        copies = [task for page in client.pages(number) for task in page][len(tasks) :]
        annotators[0][1].submit(copies[0].id, ["Two ships lie at the quay."], ["red ship"])
        save_draft(server, annotators[0][1]._client.connection.token, copies[1].id)

        report = push(workspace)
        assert (report.new, report.found) == (0, 0)
        assert report.copied_tasks == [tasks[2].data["filename"]]
        left = {task.id for page in client.pages(number) for task in page}
        assert left == {task.id for task in (*tasks, *copies[:2])}
        assert pull(workspace).copies != []
        assert push(workspace).copied_tasks == []
        after = dict(workspace.db.execute("SELECT image_id, server_id FROM task").fetchall())
        assert after == before


def test_a_project_removed_by_hand_is_created_again(
    make_workspace: MakeWorkspace, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with Workspace.open(make_workspace(), write=True) as workspace:
        push(workspace)
        old = project_of(workspace)
        client.sdk.projects.delete(id=old)
        assert push(workspace).new == 5
        assert project_of(workspace) != old
        assert f"project {old} does not exist on the server any more" in caplog.text
        assert_one_task_an_image(workspace, client)


def test_an_edited_description_does_not_lose_the_project(
    make_workspace: MakeWorkspace, client: Client
) -> None:
    with Workspace.open(make_workspace(), write=True) as workspace:
        push(workspace)
        number = project_of(workspace)
        before = client.sdk.projects.get(id=number)
        client.sdk.projects.update(
            id=number, title=f"closed: {before.title}", description="Our harbour campaign"
        )
        assert push(workspace).known == 5
        after = client.sdk.projects.get(id=number)
        # The annotators' pages find their projects by the description.
        assert (after.title, after.description) == (before.title, before.description)


def test_a_closed_project_that_a_restored_server_has_open_is_closed_again(
    make_workspace: MakeWorkspace, client: Client
) -> None:
    settings = '[annotation]\nannotators_per_image = 1\nkeywords_min = 0\nassignment = "assigned"\n'
    folder = make_workspace(images=2, settings=f"{settings}sentences_per_annotator = 2\n")
    with Workspace.open(folder, write=True) as workspace:
        join(workspace, "nobody@example.org")
        push(workspace)
        old = project_of(workspace)
        before = client.sdk.projects.get(id=old)
        task = next(iter(known_tasks(workspace.db, 1)))
        lead = Annotator(client.connection, client.connection.token)
        lead.submit(task, ["Two boats.", "Three boats."], ["red ship"])
        pull(workspace)
    (folder / "rsitmd.toml").write_text(settings, encoding="utf-8")
    with Workspace.open(folder, write=True) as workspace:
        new = push(workspace).projects[0]["id"]
        assert new != old
        client.sdk.projects.delete(id=new)
        client.sdk.projects.update(id=old, title=before.title, description=before.description)
        newer = push(workspace).projects[0]["id"]
        assert newer not in (old, new)
        closed = client.sdk.projects.get(id=old)
        assert closed.title.startswith("closed: ")
        assert closed.description == f"{before.description} (closed)"


def test_the_same_server_under_another_address_is_the_same_project(
    make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    with Workspace.open(make_workspace(), write=True) as workspace:
        push(workspace)
        other = server.url.replace("127.0.0.1", "localhost")
        save_connection(workspace, Connection(other, other, server.token, "https://example.org"))
        assert push(workspace).known == 5
        assert_one_task_an_image(workspace, client)


def test_a_closed_project_is_pulled_from_the_new_address_of_its_server(
    make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client, tool: Tool
) -> None:
    folder = make_workspace(images=1)
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        task = next(iter(known_tasks(workspace.db, 1)))
        Projects(workspace, Client(connection_of(workspace))).close(1)
    token = folder.parent / "token"
    token.write_text(server.token, encoding="ascii")
    other = server.url.replace("127.0.0.1", "localhost")
    options = ("--url", other, "--token-file", token, "--images", NOWHERE)
    assert tool.run("annotate", "connect", folder, *options).returncode == 0
    # The page was open in a browser.
    Annotator(client.connection, server.token).submit(task, ["A late ship."], ["red ship"])
    with Workspace.open(folder, write=True) as workspace:
        assert pull(workspace).new == 1


def test_a_copy_of_the_workspace_finds_the_tasks(
    make_workspace: MakeWorkspace, client: Client, tmp_path: Path
) -> None:
    folder = make_workspace()
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        with workspace.transaction() as db:
            db.execute("DELETE FROM task")
            db.execute("DELETE FROM project")
    shutil.copytree(folder, tmp_path / "copy")
    with Workspace.open(tmp_path / "copy", write=True) as copy:
        assert push(copy).found == 5
        assert_one_task_an_image(copy, client)


def test_the_project_follows_the_settings(make_workspace: MakeWorkspace, client: Client) -> None:
    folder = make_workspace()
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        number = project_of(workspace)
    before = client.sdk.projects.get(id=number)
    assert before.maximum_annotations == 5
    assert "sentence2" not in before.label_config
    # A page changed by hand is restored: the settings say what it is.
    client.sdk.projects.update(id=number, label_config=before.label_config + "<!-- ours -->")
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
    assert client.sdk.projects.get(id=number).label_config == before.label_config
    (folder / "rsitmd.toml").write_text(
        "[annotation]\nannotators_per_image = 3\nsentences_per_annotator = 2\nkeywords_min = 0\n",
        encoding="utf-8",
    )
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
    after = client.sdk.projects.get(id=number)
    assert after.maximum_annotations == 3
    assert "sentence2" in after.label_config


def test_moved_images_are_shown_from_their_new_location_and_texts_are_kept(
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    annotators: list[tuple[str, Annotator]],
) -> None:
    with Workspace.open(make_workspace(images=2), write=True) as workspace:
        push(workspace)
        task = workspace.db.execute("SELECT server_id FROM task ORDER BY id").fetchone()[0]
        annotators[0][1].submit(task, ["Two boats lie here."], ["white boat"])
        save_connection(workspace, Connection(server.url, server.url, server.token, "upload"))
        said: list[str] = []
        report = push(workspace, notify=said.append)
        assert (report.new, report.changed) == (0, 2)
        assert said == [f"new data for 2 tasks of project {project_of(workspace)}"]
        for page in client.pages(project_of(workspace)):
            assert all(entry.data["image"].startswith("/data/upload/") for entry in page)
        assert pull(workspace).new == 1
        assert push(workspace).changed == 0


def test_several_batches(
    make_workspace: MakeWorkspace, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_module, "BATCH", 2)
    with Workspace.open(make_workspace(images=7), write=True) as workspace:
        assert push(workspace).new == 7
        assert_one_task_an_image(workspace, client)


def test_a_damaged_image_is_named(make_workspace: MakeWorkspace, tool: Tool) -> None:
    folder = make_workspace(images=2)
    (folder / "images" / "harbour_2.tif").write_bytes(b"no image")
    answer = tool.run("annotate", "push", folder)
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1].startswith(
        f"error: {folder}/images/harbour_2.tif: cannot"
    )
    assert "Traceback" not in answer.stderr
    assert sorted(path.name for path in (folder / "renditions" / "images").iterdir()) == [
        "harbour_1.png"
    ]


def test_a_push_without_images_is_reported(make_workspace: MakeWorkspace, tool: Tool) -> None:
    answer = tool.run("annotate", "push", make_workspace(images=0))
    assert answer.returncode == 1
    assert "has no images; run: rsitmd build ingest" in answer.stderr
