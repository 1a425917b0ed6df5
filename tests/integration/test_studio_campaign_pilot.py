"""The pilot: new people caption the same images first; who is let in gets a share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.campaign.pilot import pilot_state, start_pilot
from rsitmd_tools.studio.campaign.status import status
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import PushReport, push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.admission import ADMITTED, REFUSED, decide
from rsitmd_tools.workspace.merge import merged_images
from rsitmd_tools.workspace.people import join
from tests.integration.drafts import save_draft

if TYPE_CHECKING:
    from pathlib import Path

    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import AddImages, MakeWorkspace, Tool

pytestmark = pytest.mark.integration

People = list[tuple[str, Annotator]]
SETTINGS = "[annotation]\nannotators_per_image = 2\nkeywords_min = 0\n"
LIKE = "Two red ships lie at the long quay."
UNLIKE = "There are some trees."


def test_from_pilot_to_campaign(
    make_workspace: MakeWorkspace, annotators: People, tmp_path: Path, tool: Tool
) -> None:
    references = tmp_path / "references.csv"
    lines = [f"harbour_{n},nothing of the kind" for n in (7, 8)]
    lines += [f"harbour_{n}.tif,Two red ships lie at the quay." for n in (1, 2)]
    references.write_text("\n".join(["image,sentence", *lines]), encoding="utf-8")
    folder = make_workspace(images=4, settings=SETTINGS)
    with Workspace.open(folder, write=True) as workspace:
        assert start_pilot(workspace, None, references) == ["harbour_1.tif", "harbour_2.tif"]
        with pytest.raises(RsitmdError, match="already has a pilot"):
            start_pilot(workspace)
        for email, _ in annotators[:3]:
            join(workspace, email)
        report = push(workspace)
        assert report.new == 6
        assert {p["kind"] for p in report.projects} == {"pilot"}
        for text, (email, person) in zip((LIKE, LIKE, UNLIKE), annotators[:3], strict=True):
            for (task,) in workspace.db.execute(
                "SELECT task.server_id FROM task JOIN project ON project.id = project_id"
                " JOIN annotator ON annotator.id = project.annotator_id WHERE email = ?",
                (email,),
            ).fetchall():
                person.submit(task, [text], [])
        assert pull(workspace).new == 6
        # Practice: it gets into no dataset.
        assert all(image.sentences == () for image in merged_images(workspace))
        assert status(workspace)["annotations"] == 0
        state = {p["email"]: p for p in pilot_state(workspace)["people"]}
        good, bad = state[annotators[0][0]], state[annotators[2][0]]
        assert (good["done"], bad["done"]) == (2, 2)
        assert good["similarity"] > 0.8 > 0.1 > bad["similarity"]
        assert "S104" in bad["findings"]
        assert "S104" not in good["findings"]

    pushed = tool.run("annotate", "push", folder).stdout
    assert "8 annotations cannot be assigned yet; admit annotators of the pilot (rsitmd" in pushed
    with Workspace.open(folder, write=True) as workspace:
        decide(workspace, annotators[0][0], ADMITTED, "B. Lee")
        decide(workspace, annotators[1][0], ADMITTED, "B. Lee")
        decide(workspace, annotators[2][0], REFUSED, "B. Lee")
        report = push(workspace)
        assert report.new == 8
        mains = [p["annotator"] for p in report.projects if p["kind"] == "main"]
        assert mains == [email for email, _ in annotators[:2]]
        join(workspace, annotators[3][0])  # a newcomer
        report = push(workspace)
        assert report.new == 2
        assert [p["annotator"] for p in report.projects if p["kind"] == "pilot"] == [
            annotators[3][0]
        ]
    shown = json.loads(tool.run("annotate", "pilot", folder, "--json").stdout)
    decisions = {p["email"]: (p["decision"], p["decided_by"]) for p in shown["people"]}
    assert decisions[annotators[2][0]] == ("refused", "B. Lee")
    again = tool.run("annotate", "pilot", folder, "--admit", annotators[3][0], "--reviewer", "C")
    assert f"{annotators[3][0]}: 0 of 2 images done" in again.stdout
    assert "decision: admitted by C" in again.stdout
    assert tool.run("annotate", "pilot", folder, "--admit", "x@y.z").returncode == 1


def test_without_references_images_are_drawn_from_all_categories(
    make_workspace: MakeWorkspace, add_images: object
) -> None:
    with Workspace.open(make_workspace(images=5), write=True) as workspace:
        add_images(workspace, 5, category="airport")  # type: ignore[operator]
        names = start_pilot(workspace, 4)
        assert sorted(name.partition("_")[0] for name in names) == ["airport"] * 2 + ["harbour"] * 2
        assert pilot_state(workspace) == {"images": names, "references": 0, "people": []}


def write(workspace: Workspace, email: str, person: Annotator, kind: str, count: int) -> None:
    """Let a person write in ``count`` of their open tasks."""
    rows = workspace.db.execute(
        "SELECT task.server_id FROM task JOIN project ON project.id = project_id"
        " JOIN annotator ON annotator.id = project.annotator_id"
        " WHERE email = ? AND kind = ? AND closed_at IS NULL ORDER BY task.id LIMIT ?",
        (email, kind, count),
    ).fetchall()
    assert len(rows) == count
    for row in rows:
        person.submit(row["server_id"], [LIKE], [])


def kinds(report: PushReport) -> dict[str, set[str]]:
    """Return the kinds of project that each person has."""
    found: dict[str, set[str]] = {}
    for project in report.projects:
        found.setdefault(project["annotator"], set()).add(project["kind"])
    return found


def test_a_pilot_during_the_campaign_blocks_nobody_and_can_be_restarted(
    make_workspace: MakeWorkspace,
    annotators: People,
    add_images: AddImages,
    client: Client,
    tool: Tool,
) -> None:
    (a, anna), (b, berta), (c, clara), (d, _) = annotators[:4]
    folder = make_workspace(images=4, settings=SETTINGS)
    with Workspace.open(folder, write=True) as workspace:
        join(workspace, a)
        join(workspace, b)
        push(workspace)
        write(workspace, a, anna, "main", 2)
        pull(workspace)
        write(workspace, b, berta, "main", 1)  # not pulled when the pilot starts
    started = tool.run("annotate", "pilot", folder, "--start", "--images", 2, "--reviewer", "Lee")
    assert started.returncode == 0, started.stderr
    assert f"admitted, already wrote for the campaign: {a}" in started.stderr
    with Workspace.open(folder, write=True) as workspace:
        add_images(workspace, 3, category="airport")
        join(workspace, c)
        pull(workspace)
        said: list[str] = []
        report = push(workspace, notify=said.append)
        assert kinds(report) == {a: {"main"}, b: {"main"}, c: {"pilot"}}
        assert said == [f"{b} wrote captions before the pilot started and is admitted"]
        assert report.new == 2 * 3 + 2  # new images for those who work, the pilot for the other
        write(workspace, c, clara, "pilot", 2)
        pull(workspace)
        state = {p["email"]: p["done"] for p in pilot_state(workspace)["people"]}
        assert state == {a: 0, b: 0, c: 2}
        practice = next(p["id"] for p in report.projects if p["kind"] == "pilot")

    stopped = tool.run("annotate", "pilot", folder, "--stop")
    assert f"pilot stopped; admitted: {c}" in stopped.stderr
    with Workspace.open(folder, write=True) as workspace:
        add_images(workspace, 3, category="farm")
        report = push(workspace)
        assert kinds(report) == {a: {"main"}, b: {"main"}, c: {"main"}}
        assert client.sdk.projects.get(id=practice).title.startswith("closed: ")
        # Practice stays practice.
        assert pull(workspace).deleted == 0
        assert status(workspace)["annotators"] == {a: 2, b: 1}
        assert not any(c in {s.annotator for s in i.sentences} for i in merged_images(workspace))

        start_pilot(workspace, 2)
        join(workspace, d)
        report = push(workspace)
        assert kinds(report) == {a: {"main"}, b: {"main"}, c: {"pilot"}, d: {"pilot"}}
        assert practice not in {p["id"] for p in report.projects}
        pull(workspace)
        state = {p["email"]: p["done"] for p in pilot_state(workspace)["people"]}
        assert state == {a: 0, b: 0, c: 0, d: 0}


def test_a_pilot_closes_the_projects_of_those_who_have_not_written(
    make_workspace: MakeWorkspace, annotators: People, client: Client
) -> None:
    """They caption the images of the pilot first, and get their images when they are admitted."""
    (a, anna), (b, berta), (c, _) = annotators[:3]
    with Workspace.open(make_workspace(images=3, settings=SETTINGS), write=True) as workspace:
        for email in (a, b, c):
            join(workspace, email)
        first = {p["annotator"]: p["id"] for p in push(workspace).projects}
        write(workspace, a, anna, "main", 1)
        pull(workspace)
        write(workspace, b, berta, "main", 1)  # not pulled
        start_pilot(workspace, 1)
        said: list[str] = []
        report = push(workspace, notify=said.append)
        assert kinds(report) == {a: {"main"}, b: {"pilot"}, c: {"pilot"}}
        closed = f"project {first[c]} is closed until {c} is admitted to the campaign"
        opened = (
            f"project {first[b]} of {b}, who is not admitted, stays open: it has texts that are not"
            " pulled. Run pull, then push"
        )
        assert said == [
            f"{a} wrote captions before the pilot started and is admitted", opened, closed,
        ]  # fmt: skip
        titles = {email: client.sdk.projects.get(id=first[email]).title for email in (b, c)}
        assert [titles[email].startswith("closed: ") for email in (b, c)] == [False, True]
        assert push(workspace, notify=said.append).new == 0
        assert said.count(closed) == 1

        decide(workspace, c, ADMITTED, "Lee")
        pull(workspace)
        report = push(workspace)
        assert kinds(report) == {a: {"main"}, b: {"main"}, c: {"main"}}
        again = next(p["id"] for p in report.projects if p["annotator"] == c)
        images = [
            {task.data["filename"] for page in client.pages(number) for task in page}
            for number in (first[c], again)
        ]
        assert images[0] == images[1] != set()


def test_a_pilot_closes_the_project_of_somebody_who_wrote_after_its_start(
    make_workspace: MakeWorkspace, annotators: People, client: Client, server: EmbeddedServer
) -> None:
    (a, anna), (b, berta) = annotators[:2]
    with Workspace.open(make_workspace(images=3, settings=SETTINGS), write=True) as workspace:
        for email in (a, b):
            join(workspace, email)
        first = {p["annotator"]: p["id"] for p in push(workspace).projects}
        start_pilot(workspace, 1)
        write(workspace, a, anna, "main", 1)
        [draft] = client.sdk.tasks.list(project=first[b], page_size=1).items or []
        save_draft(server, berta._client.connection.token, draft.id)
        pull(workspace)
        said: list[str] = []
        report = push(workspace, notify=said.append)
        assert kinds(report) == {a: {"pilot"}, b: {"pilot"}}
        assert said == [
            f"project {first[a]} is closed until {a} is admitted to the campaign",
            f"project {first[b]} of {b}, who is not admitted, stays open: it has drafts. Ask the"
            " annotator to submit them, then run pull and push",
        ]
        assert len([image for image in merged_images(workspace) if image.captions]) == 1
        decide(workspace, a, ADMITTED, "B. Lee")
        assert kinds(push(workspace))[a] == {"main"}
        assert tasks_in_open_project(workspace, a) == 2, "the first image is not sent again"


def tasks_in_open_project(workspace: Workspace, email: str) -> int:
    """Return the number of tasks in the open project of a person."""
    row = workspace.db.execute(
        "SELECT count(*) FROM main_task JOIN annotator ON annotator.id = owner_id"
        " WHERE email = ? AND closed_at IS NULL",
        (email,),
    ).fetchone()
    return int(row[0])


def test_with_one_person_the_images_of_a_pilot_are_sent_all_the_same(
    make_workspace: MakeWorkspace, annotators: People
) -> None:
    with Workspace.open(make_workspace(images=3), write=True) as workspace:
        join(workspace, annotators[0][0])
        start_pilot(workspace, 2)
        report = push(workspace)
        assert (report.mode, report.new) == ("assigned", 2)
        assert kinds(report) == {annotators[0][0]: {"pilot"}}
