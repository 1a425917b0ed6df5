"""One project a person: who gets what, who leaves, who writes into another's text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.quality import check
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.campaign.status import status
from rsitmd_tools.studio.sync.notes import CAPTIONED_BEFORE, GIVEN_AWAY
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import PushOptions, push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from rsitmd_tools.workspace.people import join, leave
from tests.integration.drafts import save_draft
from tests.integration.rewriting import overwrite

if TYPE_CHECKING:
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import AddImages, MakeWorkspace, Tool

pytestmark = pytest.mark.integration

People = list[tuple[str, Annotator]]


@pytest.fixture
def campaign(make_workspace: MakeWorkspace, annotators: People) -> Iterator[Workspace]:
    """A workspace of four images, two people an image, three people, pushed."""
    folder = make_workspace(
        images=4, settings="[annotation]\nannotators_per_image = 2\nkeywords_min = 0\n"
    )
    with Workspace.open(folder, write=True) as workspace:
        for email, _ in annotators[:3]:
            join(workspace, email)
        push(workspace)
        yield workspace


def tasks_of(workspace: Workspace, email: str) -> dict[str, int]:
    """Return a person's open tasks by file name, in the order of their queue."""
    rows = workspace.db.execute(
        "SELECT filename, task.server_id FROM task JOIN image ON image.id = image_id"
        " JOIN project ON project.id = project_id AND closed_at IS NULL"
        " JOIN annotator ON annotator.id = project.annotator_id WHERE email = ?"
        " ORDER BY task.server_id",
        (email,),
    )
    return {row["filename"]: row["server_id"] for row in rows}


def on_server(workspace: Workspace, client: Client) -> dict[str, Counter[str]]:
    """Return the images of each person's project as the server has them."""
    rows = workspace.db.execute(
        "SELECT email, server_id FROM project JOIN annotator ON annotator.id = annotator_id"
        " WHERE closed_at IS NULL"
    )
    return {
        row["email"]: Counter(
            task.data["filename"]
            for page in client.pages(row["server_id"], annotations=False)
            for task in page
        )
        for row in rows
    }


def test_each_has_a_project_and_each_image_different_people(
    campaign: Workspace, annotators: People, client: Client
) -> None:
    there = on_server(campaign, client)
    assert list(there) == [email for email, _ in annotators[:3]]
    assert all(set(count.values()) == {1} for count in there.values())
    total = sum(there.values(), Counter())
    assert set(total.values()) == {2}
    assert len(total) == 4
    sizes = [len(count) for count in there.values()]
    assert max(sizes) - min(sizes) <= 1
    again = push(campaign)
    assert (again.new, again.found, again.known, again.changed, again.short) == (0, 0, 8, 0, 0)
    assert {p["annotator"] for p in again.projects} == set(there)
    state = status(campaign)
    assert state["tasks"] == 8
    assert [p["annotator"] for p in state["projects"]] == list(there)


def test_texts_of_all_annotators_are_merged(campaign: Workspace, annotators: People) -> None:
    for email, person in annotators[:3]:
        for filename, task in tasks_of(campaign, email).items():
            person.submit(task, [f"{filename} by {email}."], [])
    assert pull(campaign).new == 8
    for image in merged_images(campaign):
        assert [s.raw for s in image.sentences] == [
            f"{image.filename} by {sentence.annotator}." for sentence in image.sentences
        ]
        assert len({sentence.annotator for sentence in image.sentences}) == 2
    assert status(campaign)["complete"] == 4


def test_an_annotator_who_leaves_is_replaced_and_their_text_is_kept(
    campaign: Workspace, annotators: People, client: Client
) -> None:
    gone, person = annotators[0]
    mine = tasks_of(campaign, gone)
    first = next(iter(mine))
    person.submit(mine[first], ["Before leaving."], [])
    pull(campaign)
    assert leave(campaign, gone) == len(mine) - 1
    join(campaign, annotators[3][0])
    report = push(campaign)
    assert report.new == len(mine) - 1
    assert report.short == 0
    there = on_server(campaign, client)
    assert gone not in there
    assert sum(sum(count.values()) for count in there.values()) == 8 - 1
    # The project is closed, yet what they still write there arrives.
    late = next(task for name, task in mine.items() if name != first)
    person.submit(late, ["After leaving."], [])
    pulled = pull(campaign)
    assert (pulled.new, pulled.unknown_tasks) == (1, [])
    texts = [s.raw for image in merged_images(campaign) for s in image.sentences]
    assert sorted(texts) == ["After leaving.", "Before leaving."]
    # With one person left it is still assigned.
    for email in [annotators[1][0], annotators[2][0]]:
        leave(campaign, email)
    report = push(campaign)
    assert report.mode == "assigned"
    assert [p["annotator"] for p in report.projects] == [annotators[3][0]]
    assert report.short > 0


def test_the_page_shows_sentences_sent_back_to_an_annotator(
    campaign: Workspace, annotators: People, client: Client
) -> None:
    for email, person in annotators[:2]:
        for task in tasks_of(campaign, email).values():
            person.submit(task, ["Done."], [])
    pull(campaign)
    slow = tasks_of(campaign, annotators[2][0])
    join(campaign, annotators[3][0])
    report = push(campaign, PushOptions(replan=True))
    notes = {name: client.sdk.tasks.get(id=str(task)).data["note"] for name, task in slow.items()}
    moved = {name for name, note in notes.items() if note == GIVEN_AWAY}
    assert len(moved) == report.moved == report.new > 0
    assert {notes[name] for name in notes if name not in moved} <= {""}
    others = [tasks_of(campaign, email) for email, _ in (*annotators[:2], annotators[3])]
    assert all(any(name in tasks for tasks in others) for name in moved)


def test_an_image_that_is_begun_stays_with_its_annotator(
    campaign: Workspace, annotators: People, server: EmbeddedServer, client: Client
) -> None:
    for email, person in annotators[:2]:
        for task in tasks_of(campaign, email).values():
            person.submit(task, ["Done."], [])
    pull(campaign)
    email, slow = annotators[2]
    tasks = tasks_of(campaign, email)
    join(campaign, annotators[3][0])
    submitted, *others = tasks.values()
    slow.submit(submitted, ["Not pulled."], [])
    for task in others:
        save_draft(server, slow._client.connection.token, task)
    report = push(campaign, PushOptions(replan=True))
    assert (report.moved, report.superfluous) == (0, 0)
    notes = [client.sdk.tasks.get(id=str(task)).data["note"] for task in tasks.values()]
    assert set(notes) == {""}


def test_limit_category_and_order(
    make_workspace: MakeWorkspace, annotators: People, add_images: AddImages
) -> None:
    folder = make_workspace(images=4, settings="[annotation]\nannotators_per_image = 2\n")
    with Workspace.open(folder, write=True) as workspace:
        add_images(workspace, 3, category="airport")
        for email, _ in annotators[:2]:
            join(workspace, email)
        assert push(workspace, PushOptions(limit=1, category="harbour")).new == 2
        assert set(tasks_of(workspace, annotators[0][0])) == {"harbour_1.tif"}
        assert push(workspace, PushOptions(limit=2)).new == 4
        assert set(tasks_of(workspace, annotators[0][0])) == {
            "harbour_1.tif", "airport_1.tif", "airport_2.tif",
        }  # fmt: skip
        assert push(workspace, PushOptions(order="random")).new == 8
        with pytest.raises(RsitmdError, match="unknown order"):
            push(workspace, PushOptions(order="by mood"))


def test_a_change_by_somebody_else_is_a_finding_with_both_names(
    campaign: Workspace, annotators: People
) -> None:
    (author, person), (_, other) = annotators[:2]
    filename, task = next(iter(tasks_of(campaign, author).items()))
    person.submit(task, ["My own words."], [])
    pull(campaign)
    number = campaign.db.execute("SELECT server_id FROM annotation").fetchone()[0]
    overwrite(other, number, ["Words of another."], [])
    report = pull(campaign)
    assert report.foreign == [
        {"image": filename, "annotator": author, "changed_by": annotators[1][0]}
    ]
    found = [f for f in check(load_dataset(campaign.path)) if f.code == "N107"]
    assert [(f.image, f.sentence_index) for f in found] == [(filename, 0)]
    assert f"written by {author}, changed by {annotators[1][0]}" in found[0].message


def test_an_unused_shared_project_is_closed_once_annotators_are_known(
    make_workspace: MakeWorkspace, annotators: People, client: Client
) -> None:
    with Workspace.open(make_workspace(images=2), write=True) as workspace:
        shared = push(workspace)
        assert shared.mode == "shared"
        number = shared.projects[0]["id"]
        for email, _ in annotators[:2]:
            join(workspace, email)
        report = push(workspace)
        assert (report.mode, report.new) == ("assigned", 4)
        assert report.short == 2 * 3
        assert client.sdk.projects.get(id=number).title.startswith("closed: ")
        assert status(workspace)["tasks"] == 4
        assert {p["annotator"] for p in status(workspace)["projects"]} == {
            email for email, _ in annotators[:2]
        }


def test_a_campaign_started_in_a_shared_project_continues_there(
    make_workspace: MakeWorkspace, annotators: People
) -> None:
    with Workspace.open(make_workspace(images=2), write=True) as workspace:
        push(workspace)
        task = workspace.db.execute("SELECT server_id FROM task").fetchone()[0]
        annotators[0][1].submit(task, ["Two boats."], [])  # not pulled
        for email, _ in annotators[:2]:
            join(workspace, email)
        report = push(workspace)
        assert (report.mode, report.new, report.known) == ("shared", 0, 2)


def test_a_page_that_loses_fields_gets_a_new_project_and_texts_are_kept(
    campaign: Workspace, annotators: People, client: Client
) -> None:
    email, person = annotators[0]
    mine = tasks_of(campaign, email)
    first, *others = mine
    person.submit(mine[first], ["Two boats."], ["white boat"])
    pull(campaign)
    folder = campaign.path
    campaign.close()
    (folder / "rsitmd.toml").write_text(
        "[annotation]\nannotators_per_image = 2\nkeywords_min = 0\nkeywords_max = 1\n"
        'template = "keywords"\n',
        encoding="utf-8",
    )
    said: list[str] = []
    with Workspace.open(folder, write=True) as workspace:
        push(workspace, notify=said.append)
        assert any("a new project takes its place" in line for line in said)
        assert set(tasks_of(workspace, email)) == set(others)
        assert pull(workspace).deleted == 0
        texts = [s.raw for image in merged_images(workspace) for s in image.sentences]
        assert texts == ["Two boats."]
        assert push(workspace).new == 0

        # This person had a page of the closed project open.
        person.submit(mine[others[0]], ["Three boats."], ["red boat"])
        pull(workspace)
        report = push(workspace)
        assert (report.new, report.changed) == (0, 1)
        notes = {
            name: client.sdk.tasks.get(id=str(task)).data["note"]
            for name, task in tasks_of(workspace, email).items()
        }
        assert notes == {name: CAPTIONED_BEFORE if name == others[0] else "" for name in others}


def test_a_changed_address_remains_the_same_annotator(
    campaign: Workspace, annotators: People, client: Client
) -> None:
    email, person = annotators[0]
    tasks = list(tasks_of(campaign, email).values())
    person.submit(tasks[0], ["First."], [])
    pull(campaign)
    with campaign.transaction() as db:  # as if the server had had another address then
        db.execute("UPDATE annotator SET email = 'old@example.org' WHERE email = ?", (email,))
    person.submit(tasks[1], ["Second."], [])
    pull(campaign)
    authors = {s.annotator for image in merged_images(campaign) for s in image.sentences}
    assert authors == {email}


@pytest.mark.parametrize("count", [4, 7, 9])
def test_a_push_cut_off_after_some_answers_is_run_again(
    count: int, make_workspace: MakeWorkspace, annotators: People, client: Client, tool: Tool
) -> None:
    """Lead, accounts, projects, then for each person: project made, tasks."""
    folder = make_workspace(images=3, settings="[annotation]\nannotators_per_image = 2\n")
    with Workspace.open(folder, write=True) as workspace:
        for email, _ in annotators[:3]:
            join(workspace, email)
    tool.killed_after(count, "push", folder)
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        there = on_server(workspace, client)
        assert all(set(entry.values()) <= {1} for entry in there.values())
        assert set(sum(there.values(), Counter()).values()) == {2}
        title = workspace.settings.dataset.name[:10]
    made = [p.description for p in client.sdk.projects.list() if p.title.startswith(title)]
    assert len(made) == len(set(made))


def test_two_pushes_at_once_are_one(campaign: Workspace, tool: Tool) -> None:
    answer = tool.run("annotate", "push", campaign.path, "--json")  # this test holds the lock
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert answer.stderr.splitlines()[-1].startswith("error: ")
    folder = campaign.path
    campaign.close()
    assert json.loads(tool.run("annotate", "push", folder, "--json").stdout)["new"] == 0
