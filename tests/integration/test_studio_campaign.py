"""A campaign on the real server: push, five people write, pull, edits, deletions, status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.studio.api.accounts import invitation_link, sign_up_or_in
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.http import open_session
from rsitmd_tools.studio.campaign.status import status
from rsitmd_tools.studio.server.embedded import EmbeddedServer
from rsitmd_tools.studio.sync.image_store import image_store
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.pull_report import PullReport
from rsitmd_tools.studio.sync.push import PushReport, push
from rsitmd_tools.studio.sync.renditions import rendition_path
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images

if TYPE_CHECKING:
    from tests.integration.conftest import AddImages, MakeWorkspace, Tool

pytestmark = pytest.mark.integration

People = list[tuple[str, Annotator]]


@pytest.fixture
def campaign(make_workspace: MakeWorkspace) -> Iterator[Workspace]:
    """A pushed workspace with five images, open to write."""
    with Workspace.open(make_workspace(), write=True) as workspace:
        push(workspace)
        yield workspace


def tasks_of(workspace: Workspace) -> dict[str, int]:
    rows = workspace.db.execute(
        "SELECT filename, server_id FROM task JOIN image ON image.id = image_id ORDER BY number"
    )
    return {row["filename"]: row["server_id"] for row in rows}


def test_texts_arrive_unchanged(campaign: Workspace, annotators: People) -> None:
    tasks = tasks_of(campaign)
    texts = {
        (email, filename): f'Person {n} sees {k} naïve 🚢 ships; <b>مرحبا</b> & "quotes"  twice.'
        for n, (email, _) in enumerate(annotators)
        for k, filename in enumerate(tasks)
    }
    for (email, filename), text in texts.items():
        dict(annotators)[email].submit(tasks[filename], [text], ["blue sea", "- port"])

    assert pull(campaign) == PullReport(new=25, tasks=5)
    images = merged_images(campaign)
    assert [image.filename for image in images] == list(tasks)
    for image in images:
        # In the order in which people signed up.
        assert [(s.annotator, s.raw) for s in image.sentences] == [
            (email, texts[email, image.filename]) for email, _ in annotators
        ]
        assert image.keywords == ("blue sea", "- port")
        assert image.category == "harbour"
    state = status(campaign)
    assert state["annotations"] == 25
    assert state["complete"] == state["tasks"] == state["images"] == 5
    assert {email: n for email, n in state["annotators"].items() if n} == {
        email: 5 for email, _ in annotators
    }
    assert load_dataset(campaign.path).captions() == [
        texts[email, filename] for filename in tasks for email, _ in annotators
    ]


def test_every_annotation_has_its_author_time_and_number(
    campaign: Workspace, annotators: People, client: Client
) -> None:
    task = next(iter(tasks_of(campaign).values()))
    email, person = annotators[0]
    person.submit(task, ["One ship."], ["red ship"])
    pull(campaign)
    row = campaign.db.execute(
        "SELECT annotation.*, annotator.email FROM annotation"
        " JOIN annotator ON annotator.id = annotator_id"
    ).fetchone()
    seen = client.sdk.annotations.get(id=row["server_id"])
    assert row["email"] == email
    assert row["created_at"] == seen.created_at.isoformat(timespec="microseconds")
    assert row["updated_at"] == seen.updated_at.isoformat(timespec="microseconds")
    assert json.loads(row["result"])[0]["value"]["text"] == ["One ship."]


def test_a_second_pull_fetches_only_changes_and_keeps_every_revision(
    campaign: Workspace, annotators: People, client: Client
) -> None:
    tasks = tasks_of(campaign)
    for _, person in annotators[:2]:
        for task in tasks.values():
            person.submit(task, ["First words."], ["red ship"])
    assert pull(campaign).new == 10
    again = pull(campaign)
    assert (again.new, again.changed, again.deleted) == (0, 0, 0)

    number = campaign.db.execute("SELECT min(server_id) FROM annotation").fetchone()[0]
    client.sdk.annotations.update(
        id=number,
        result=[
            {
                "from_name": "sentence1",
                "to_name": "image",
                "type": "textarea",
                "value": {"text": ["Second\nwords."]},
            }
        ],
    )
    changed = pull(campaign)
    assert (changed.new, changed.changed, changed.folded) == (0, 1, 1)
    rows = campaign.db.execute(
        "SELECT raw, latest, updated.email FROM annotation"
        " JOIN sentence ON annotation_id = annotation.id"
        " LEFT JOIN annotator AS updated ON updated.id = updated_by"
        " WHERE server_id = ? ORDER BY annotation.id",
        (number,),
    ).fetchall()
    assert [(row["raw"], row["latest"]) for row in rows] == [
        ("First words.", 0),
        ("Second words.", 1),
    ]
    assert rows[1]["email"] == "lead@rsitmd.example.org"
    sentences = merged_images(campaign)[0].captions
    assert sentences == ("Second words.", "First words.")


def test_a_deleted_annotation_is_marked_and_left_out(
    campaign: Workspace, annotators: People, client: Client
) -> None:
    task = next(iter(tasks_of(campaign).values()))
    for _, person in annotators[:2]:
        person.submit(task, ["Words."], [])
    pull(campaign)
    number = campaign.db.execute("SELECT min(server_id) FROM annotation").fetchone()[0]
    client.sdk.annotations.delete(id=number)
    assert pull(campaign).deleted == 1
    assert pull(campaign).deleted == 0
    assert campaign.db.execute("SELECT count(*) FROM annotation").fetchone()[0] == 2
    assert len(merged_images(campaign)[0].sentences) == 1


def test_a_removed_task_loses_its_annotations_and_is_pushed_again(
    campaign: Workspace, annotators: People, client: Client
) -> None:
    task = next(iter(tasks_of(campaign).values()))
    annotators[0][1].submit(task, ["Words."], [])
    pull(campaign)
    client.sdk.tasks.delete(id=str(task))
    assert pull(campaign).deleted == 1
    assert merged_images(campaign)[0].sentences == ()
    report = push(campaign)
    assert (report.new, report.found, report.known) == (1, 0, 4)
    annotators[0][1].submit(next(iter(tasks_of(campaign).values())), ["New words."], [])
    assert pull(campaign).new == 1
    assert merged_images(campaign)[0].captions == ("New words.",)


def test_empty_texts_and_skips_are_counted_but_not_stored_as_sentences(
    campaign: Workspace, annotators: People, client: Client
) -> None:
    tasks = list(tasks_of(campaign).values())
    person = annotators[0][1]
    person.submit(tasks[0], [""], [])
    person.submit(tasks[1], [" \n\t "], [" "])
    client.sdk.annotations.create(id=tasks[2], result=[], was_cancelled=True)
    client.sdk.annotations.create(id=tasks[3], result=[])
    report = pull(campaign)
    assert (report.new, report.blank, report.skipped) == (3, 3, 1)
    assert [entry["image"] for entry in report.incomplete] == [
        f"harbour_{number}.tif" for number in (1, 2, 4)
    ]
    assert report.incomplete[1] == {
        "image": "harbour_2.tif",
        "annotator": annotators[0][0],
        "missing": [1],
    }
    assert all(image.sentences == () for image in merged_images(campaign))
    assert status(campaign)["complete"] == 0


def test_a_very_long_sentence_is_not_truncated(campaign: Workspace, annotators: People) -> None:
    long = "grey roof " * 1000
    annotators[0][1].submit(next(iter(tasks_of(campaign).values())), [long], [])
    pull(campaign)
    assert merged_images(campaign)[0].captions == (long.strip(),)


def test_one_annotator_five_sentences(make_workspace: MakeWorkspace, annotators: People) -> None:
    folder = make_workspace(
        images=1,
        settings="[annotation]\nannotators_per_image = 1\nsentences_per_annotator = 5\n",
    )
    five = [f"Sentence {n}." for n in range(5)]
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        annotators[0][1].submit(tasks_of(workspace)["harbour_1.tif"], five, ["red ship"])
        pull(workspace)
        assert merged_images(workspace)[0].captions == tuple(five)
        assert status(workspace)["complete"] == 1


def test_an_annotation_of_a_later_account_has_its_name(
    campaign: Workspace, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who signs up and writes while a pull is under way is not taken for removed."""
    users = Client.users
    late: list[str] = []

    def first_then_sign_up(self: Client) -> dict[int, tuple[str, str]]:
        known = users(self)
        if not late:
            late.append(sign_up_or_in(invitation_link(client), "late@example.org", "a long word"))
            person = Annotator(client.connection, late[0])
            person.submit(next(iter(tasks_of(campaign).values())), ["Late words."], [])
        return known

    monkeypatch.setattr(Client, "users", first_then_sign_up)
    pull(campaign)
    assert [s.annotator for s in merged_images(campaign)[0].sentences] == ["late@example.org"]


def test_the_server_shows_the_renditions_of_its_own_workspace(
    server: EmbeddedServer, tool: Tool, add_images: AddImages
) -> None:
    folder = server.workspace
    settings = '[annotation]\nassignment = "shared"\n'
    (folder / "rsitmd.toml").write_text(settings, encoding="utf-8")
    with Workspace.open(folder, write=True) as workspace:
        add_images(workspace, 2, category="Häfen & Co #1")
    pushed = tool.run("annotate", "push", folder, "--json")
    assert pushed.returncode == 0, pushed.stderr
    assert PushReport(**json.loads(pushed.stdout)).new == 2
    assert tool.run("annotate", "push", folder).stdout.startswith(
        "tasks: 0 created, 2 already pushed\n"
    )
    with Workspace.open(folder) as workspace:
        task = next(iter(tasks_of(workspace).values()))
        file = rendition_path(workspace, "Häfen & Co #1_1.tif")
    with open_session(server.url) as session:
        token = {"Authorization": f"Token {server.token}"}
        data = session.get(f"/api/tasks/{task}/?resolve_uri=false", headers=token).json()["data"]
        assert session.get(data["image"], headers=token).content == file.read_bytes()
        assert session.get(data["image"]).status_code == 401
    shown = tool.run("annotate", "status", folder, "--json")
    assert set(json.loads(shown.stdout)) >= {
        "url", "projects", "images", "tasks", "annotations", "annotators", "complete",
    }  # fmt: skip


def test_uploaded_images_are_shown_and_sent_once(
    make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    with Workspace.open(make_workspace(images=3, how="upload"), write=True) as workspace:
        push(workspace)
        with workspace.transaction() as db:  # as after a kill between import and record
            db.execute("DELETE FROM task")
        assert push(workspace).found == 3
        tasks = tasks_of(workspace)
        assert len(client.sdk.files.list(id=image_store(workspace, client), all_=True)) == 3
        with open_session(server.url) as session:
            token = {"Authorization": f"Token {server.token}"}
            for filename, task in tasks.items():
                path = f"/api/tasks/{task}/?resolve_uri=false"
                address = session.get(path, headers=token).json()["data"]["image"]
                file = rendition_path(workspace, filename)
                assert session.get(address, headers=token).content == file.read_bytes()


def test_sign_up_needs_the_link(server: EmbeddedServer) -> None:
    with open_session(server.url) as session:
        session.get("/user/signup/")
        answer = session.post(
            "/user/signup/",
            data={
                "email": "stranger@example.org",
                "password": "a long password",
                "csrfmiddlewaretoken": session.cookies.get("csrftoken", ""),
            },
        )
        assert answer.status_code == 403
        assert session.get("/api/current-user/token").status_code == 401


def test_sign_up_twice_is_a_log_in_and_a_wrong_password_is_refused(client: Client) -> None:
    link = invitation_link(client)
    token = sign_up_or_in(link, "twice@example.org", "a long password")
    assert sign_up_or_in(link, "twice@example.org", "a long password") == token
    with pytest.raises(Exception, match="refused the sign-up and the log-in") as refused:
        sign_up_or_in(link, "twice@example.org", "another password")
    assert "another password" not in str(refused.value)


def test_an_annotator_sees_which_tasks_are_done(campaign: Workspace, annotators: People) -> None:
    tasks = list(tasks_of(campaign).values())
    number = campaign.db.execute("SELECT server_id FROM project").fetchone()[0]
    person = annotators[3][1]
    person.submit(tasks[1], ["Words."], [])
    annotators[4][1].submit(tasks[2], ["Words."], [])
    assert person.done(number) == {tasks[1]}


def test_the_secrets_of_a_connection_are_the_owners(make_workspace: MakeWorkspace) -> None:
    file: Path = make_workspace(images=1) / "studio" / "connection.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
