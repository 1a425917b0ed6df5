"""A task is known by the key in its data: its number can go to another task."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.campaign.prefill import PrefillReport, send_predictions
from rsitmd_tools.studio.campaign.review import ReviewRequest, review
from rsitmd_tools.studio.sync import misplaced
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.studio.sync.task_data import OtherTask, change_data
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from rsitmd_tools.workspace.store import utc_now
from tests.builders import add
from tests.integration.manual_changes import (
    export_delete_import,
    import_practice,
    project_of,
    tasks_of,
)

if TYPE_CHECKING:
    from tests.integration.conftest import MakeWorkspace, Tool

pytestmark = pytest.mark.integration

People = list[tuple[str, Annotator]]
SETTINGS = '[annotation]\nassignment = "shared"\nannotators_per_image = 1\n'
IMAGES = 6


@pytest.fixture
def workspace(make_workspace: MakeWorkspace) -> Iterator[Workspace]:
    """A workspace of six images, pushed, open to write."""
    folder = make_workspace(images=IMAGES, settings=SETTINGS)
    with Workspace.open(folder, write=True) as opened:
        push(opened)
        yield opened


def by_name(workspace: Workspace, client: Client) -> dict[str, int]:
    """Return the number of each task of the server by the file name in its data."""
    return {task.data["filename"]: int(task.id) for task in tasks_of(workspace, client)}


def replace_last_task(workspace: Workspace, client: Client) -> int:
    """Delete the last task by hand and import a practice picture: it gets the number."""
    last = tasks_of(workspace, client)[-1]
    client.sdk.tasks.delete(id=str(last.id))
    assert import_practice(workspace, client) == last.id
    return int(last.id)


def captions(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    return {image.filename: image.captions for image in merged_images(workspace) if image.captions}


def test_a_text_for_another_picture_is_never_stored_for_ours(
    workspace: Workspace, client: Client, annotators: People
) -> None:
    number = replace_last_task(workspace, client)
    annotators[0][1].submit(number, ["Written for the practice picture."], ["red ship"])
    report = pull(workspace)
    assert report.removed_tasks == ["harbour_6.tif"]
    assert report.unknown_tasks == [number]
    assert (report.new, captions(workspace)) == (0, {})
    again = push(workspace)
    assert (again.new, again.known) == (1, 5)
    tasks = by_name(workspace, client)
    assert tasks["practice.png"] == number
    assert tasks["harbour_6.tif"] != number
    annotators[0][1].submit(tasks["harbour_6.tif"], ["Written for ours."], ["red ship"])
    pull(workspace)
    assert captions(workspace) == {"harbour_6.tif": ("Written for ours.",)}


def test_a_push_alone_notices_it_too(workspace: Workspace, client: Client) -> None:
    replace_last_task(workspace, client)
    report = push(workspace)
    assert report.removed_tasks == ["harbour_6.tif"]
    assert (report.new, report.found, report.known) == (1, 0, 5)
    report = push(workspace)
    assert (report.removed_tasks, report.new, report.known) == ([], 0, 6)


def test_a_note_and_a_prediction_are_never_sent_to_another_image(
    workspace: Workspace, client: Client, annotators: People, tmp_path: Path
) -> None:
    email, person = annotators[0]
    last = tasks_of(workspace, client)[-1].id
    person.submit(last, ["There are many boats."], ["red ship"])
    pull(workspace)
    number = replace_last_task(workspace, client)
    back = tmp_path / "back.csv"
    back.write_text(f"image,annotator,sentence,note\nharbour_6.tif,{email},1,Count them\n")
    review(workspace, ReviewRequest(reviewer="lead", send_back=str(back)))
    with workspace.transaction() as db:
        image = db.execute("SELECT id FROM image WHERE filename = 'harbour_6.tif'").fetchone()[0]
        add(db, "prediction", image_id=image, raw="Boats.", added_at=utc_now())
    send_predictions(workspace, client, PrefillReport())
    [practice] = [task for task in tasks_of(workspace, client) if task.id == number]
    assert practice.data["filename"] == "practice.png"
    assert practice.data["note"] == practice.data["sha256"] == ""
    assert not practice.predictions
    # Made anew, the task shows the note.
    push(workspace)
    [ours] = [t for t in tasks_of(workspace, client) if t.data["filename"] == "harbour_6.tif"]
    assert "Count them" in ours.data["note"]


def test_data_are_changed_only_of_the_task_that_has_the_key(
    workspace: Workspace, client: Client
) -> None:
    task = tasks_of(workspace, client)[0]
    key = task.data["sha256"]
    for number, wrong in ((task.id, "0" * 64), (task.id + 10**6, key)):
        with pytest.raises(OtherTask):
            change_data(client, workspace.studio, number, wrong, lambda data: {"note": "x"})
    assert tasks_of(workspace, client)[0].data == task.data
    assert change_data(client, workspace.studio, task.id, key, lambda data: {**data, "note": "x"})


def test_a_deleted_task_is_found_even_if_the_number_of_tasks_is_unchanged(
    workspace: Workspace, client: Client, annotators: People
) -> None:
    tasks = by_name(workspace, client)
    annotators[0][1].submit(tasks["harbour_2.tif"], ["Two boats."], ["red ship"])
    pull(workspace)
    client.sdk.tasks.delete(id=str(tasks["harbour_2.tif"]))
    import_practice(workspace, client)
    report = pull(workspace)
    assert report.removed_tasks == ["harbour_2.tif"]
    assert [(d["image"], d["accepted"]) for d in report.deletions] == [("harbour_2.tif", 0)]
    assert captions(workspace) == {}
    assert pull(workspace).removed_tasks == []
    assert push(workspace).new == 1


def test_an_export_and_import_keeps_every_caption_with_its_image(
    workspace: Workspace, client: Client, annotators: People, tmp_path: Path
) -> None:
    tasks = by_name(workspace, client)
    written = {}
    names = ("harbour_3.tif", "harbour_4.tif")
    for (_, person), name in zip(annotators, names, strict=False):
        person.submit(tasks[name], [f"Written for {name}."], ["red ship"])
        written[name] = (f"Written for {name}.",)
    email = annotators[1][0]
    pull(workspace)
    accepted = tmp_path / "ok.csv"
    accepted.write_text(f"image,annotator,sentence,note\nharbour_4.tif,{email},1,\n")
    review(workspace, ReviewRequest(reviewer="lead", accept=str(accepted)))
    before = workspace.db.execute(
        "SELECT email FROM annotation JOIN annotator ON annotator.id = annotator_id"
    ).fetchall()
    export_delete_import(workspace, client)
    assert by_name(workspace, client).keys() == written.keys()
    report = pull(workspace)
    assert sorted(report.adopted_tasks) == sorted(written)
    assert len(report.removed_tasks) == IMAGES - 2
    assert (report.new, report.deletions) == (0, [])
    assert captions(workspace) == written
    states = workspace.db.execute("SELECT raw, state FROM sentence ORDER BY id").fetchall()
    assert [tuple(row) for row in states] == [
        ("Written for harbour_3.tif.", "new"),
        ("Written for harbour_4.tif.", "accepted"),
    ]
    after = workspace.db.execute(
        "SELECT email FROM annotation JOIN annotator ON annotator.id = annotator_id"
    ).fetchall()
    assert [tuple(row) for row in after] == [tuple(row) for row in before]
    assert push(workspace).new == IMAGES - 2
    again = push(workspace)
    assert (again.new, again.found, again.known) == (0, 0, IMAGES)
    assert (pull(workspace).new, captions(workspace)) == (0, written)


def test_a_project_of_the_same_number_is_another_project(
    workspace: Workspace, client: Client, annotators: People
) -> None:
    old = client.sdk.projects.get(id=project_of(workspace))
    data = [task.data for task in tasks_of(workspace, client)]
    client.sdk.projects.delete(id=old.id)
    made = client.sdk.projects.create(title="by hand", label_config=old.label_config)
    number = made.id
    with workspace.transaction() as db:  # as if the server had given the number again
        db.execute("UPDATE project SET server_id = ?", (number,))
    tasks = client.sdk.projects.import_tasks(
        id=number, request=[{"data": entry} for entry in data], return_task_ids=True
    ).task_ids
    annotators[0][1].submit(tasks[0], ["Written in another project."], ["red ship"])
    report = pull(workspace)
    assert report.lost_projects == [number]
    assert captions(workspace) == {}
    assert push(workspace).new == IMAGES
    assert project_of(workspace) != number
    client.sdk.projects.delete(id=number)


def test_an_older_workspace_does_not_mix_up_what_changed_hands_since(
    make_workspace: MakeWorkspace, client: Client, annotators: People, tmp_path: Path
) -> None:
    folder = make_workspace(images=IMAGES, settings=SETTINGS)
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        pull(workspace)
    shutil.copytree(folder, tmp_path / "older")
    with Workspace.open(folder, write=True) as workspace:
        number = replace_last_task(workspace, client)
        annotators[0][1].submit(number, ["Written for the practice picture."], ["red ship"])
        pull(workspace)
        push(workspace)
        ours = by_name(workspace, client)["harbour_6.tif"]
        annotators[0][1].submit(ours, ["Written for ours."], ["red ship"])
    with Workspace.open(tmp_path / "older", write=True) as workspace:
        report = pull(workspace)
        assert report.adopted_tasks == ["harbour_6.tif"]
        assert captions(workspace) == {"harbour_6.tif": ("Written for ours.",)}


def spoil(workspace: Workspace, wrong: str, right: str) -> None:
    """Store the annotation of one image for another, as earlier versions could."""
    with workspace.transaction() as db:
        rows = dict(
            db.execute("SELECT filename, task.id FROM task JOIN image ON image.id = image_id")
        )
        db.execute(
            "UPDATE annotation SET task_id = ? WHERE task_id = ?", (rows[wrong], rows[right])
        )


def test_check_finds_and_removes_texts_that_earlier_versions_misplaced(
    workspace: Workspace, client: Client, annotators: People, tool: Tool
) -> None:
    tasks = by_name(workspace, client)
    for name in ("harbour_1.tif", "harbour_3.tif"):
        annotators[0][1].submit(tasks[name], [f"Written for {name}."], ["red ship"])
    pull(workspace)
    assert misplaced.check(workspace) == misplaced.CheckReport(checked=2)
    spoil(workspace, "harbour_2.tif", "harbour_3.tif")
    folder = workspace.path
    workspace.close()
    checked = tool.run("annotate", "pull", folder, "--check")
    assert checked.returncode == 1
    assert "harbour_2.tif" in checked.stdout
    assert "wrote this for harbour_3.tif: Written for harbour_3.tif." in checked.stdout
    assert "--check --fix" in checked.stdout
    fixed = tool.run("annotate", "pull", folder, "--check", "--fix")
    assert (fixed.returncode, "removed: 1" in fixed.stdout) == (0, True)
    assert tool.run("annotate", "pull", folder).returncode == 0
    assert tool.run("annotate", "pull", folder, "--check").returncode == 0
    with Workspace.open(folder) as again:
        assert captions(again) == {
            "harbour_1.tif": ("Written for harbour_1.tif.",),
            "harbour_3.tif": ("Written for harbour_3.tif.",),
        }


def test_a_check_doubts_a_task_that_is_younger_than_its_push(
    workspace: Workspace, client: Client, annotators: People
) -> None:
    """Earlier versions could write an image's data over the task of something else."""
    number = replace_last_task(workspace, client)
    [practice] = [task for task in tasks_of(workspace, client) if task.id == number]
    key = workspace.db.execute(
        "SELECT sha256 FROM image WHERE filename = 'harbour_6.tif'"
    ).fetchone()[0]
    client.sdk.tasks.update(id=str(number), data={**practice.data, "sha256": key})
    annotators[0][1].submit(number, ["Written for the practice picture."], ["red ship"])
    pull(workspace)
    with workspace.transaction() as db:  # an earlier version did not notice
        db.execute("UPDATE task SET pushed_at = '2020-01-01T00:00:00.000000+00:00'")
    report = misplaced.check(workspace)
    assert [entry["image"] for entry in report.doubtful] == ["harbour_6.tif"]
    assert report.misplaced == []
