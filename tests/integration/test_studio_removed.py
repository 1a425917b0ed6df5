"""Images that are removed, renamed or recategorised while people caption."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.ingest import corrections, renaming
from rsitmd_tools.ingest.places import rendition
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.notes import REMOVED_NOTE
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.studio.sync.renditions import make_renditions
from rsitmd_tools.studio.sync.unused import delete_unused
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images

if TYPE_CHECKING:
    from tests.integration.conftest import MakeWorkspace

pytestmark = pytest.mark.integration

People = list[tuple[str, Annotator]]
SETTINGS = '[annotation]\nassignment = "shared"\nannotators_per_image = 2\n'


def on_server(workspace: Workspace, client: Client) -> dict[str, Any]:
    number = int(workspace.db.execute("SELECT server_id FROM project").fetchone()[0])
    return {task.data["filename"]: task for page in client.pages(number) for task in page}


def captions(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    return {image.filename: image.captions for image in merged_images(workspace) if image.captions}


def test_a_removed_image_leaves_the_queue_and_its_texts_stay(
    make_workspace: MakeWorkspace, client: Client, annotators: People
) -> None:
    with Workspace.open(make_workspace(images=4, settings=SETTINGS), write=True) as workspace:
        push(workspace)
        tasks = on_server(workspace, client)
        written = tasks["harbour_2.tif"].id
        annotators[0][1].submit(written, ["Two ships lie at the quay."], ["red ship"])
        corrections.remove(workspace, ["harbour_2.tif", "harbour_3.tif"], "no permission")

        report = push(workspace)
        assert report.closed_tasks == ["harbour_3.tif"], "nobody has written in it"
        assert report.removed_with_texts == ["harbour_2.tif"]
        left = on_server(workspace, client)
        assert set(left) == {"harbour_1.tif", "harbour_2.tif", "harbour_4.tif"}
        assert left["harbour_2.tif"].data["note"] == REMOVED_NOTE
        assert not rendition(workspace, "harbour_2.tif").exists()

        pulled = pull(workspace)
        assert (pulled.new, pulled.removed_tasks, pulled.deletions) == (1, [], [])
        assert captions(workspace) == {}, "no dataset has the text"
        again = push(workspace)
        assert (again.new, again.closed_tasks, again.changed) == (0, [], 0)

        corrections.restore(workspace, ["harbour_2.tif", "harbour_3.tif"])
        restored = push(workspace)
        assert (restored.new, restored.removed_with_texts) == (1, [])
        tasks = on_server(workspace, client)
        assert len(tasks) == 4 and tasks["harbour_2.tif"].data["note"] == ""
        pull(workspace)
        assert captions(workspace) == {"harbour_2.tif": ("Two ships lie at the quay.",)}


def test_a_renamed_or_recategorised_image_keeps_its_task(
    make_workspace: MakeWorkspace, client: Client, annotators: People
) -> None:
    with Workspace.open(make_workspace(images=3, settings=SETTINGS), write=True) as workspace:
        push(workspace)
        before = on_server(workspace, client)
        make_renditions(workspace, ["harbour_2.tif"])
        renaming.rename(workspace, "harbour_2.tif", "harbour_77.tif")
        assert rendition(workspace, "harbour_2.tif").is_file(), "the task still shows it"
        renaming.recategorise(workspace, ["harbour_3.tif"], "beach")
        report = push(workspace)
        assert (report.new, report.changed, report.removed_tasks) == (0, 2, [])
        after = on_server(workspace, client)
        assert after["harbour_77.tif"].id == before["harbour_2.tif"].id
        assert after["harbour_77.tif"].data["image"].endswith("harbour_77.png")
        assert after["harbour_3.tif"].data["category"] == "beach"
        assert rendition(workspace, "harbour_77.tif").is_file()
        assert not rendition(workspace, "harbour_2.tif").exists()
        annotators[0][1].submit(after["harbour_77.tif"].id, ["A ship."], ["red ship"])
        pull(workspace)
        assert captions(workspace) == {"harbour_77.tif": ("A ship.",)}


def test_a_task_is_not_deleted_if_somebody_writes_in_it_during_the_push(
    make_workspace: MakeWorkspace, client: Client, annotators: People
) -> None:
    with Workspace.open(make_workspace(images=3, settings=SETTINGS), write=True) as workspace:
        push(workspace)
        tasks = on_server(workspace, client)
        project = int(tasks["harbour_1.tif"].project)
        first, second, third = sorted(int(task.id) for task in tasks.values())
        keys = {int(task.id): task.data["sha256"] for task in tasks.values()}
        steps = delete_unused(client, project, keys)
        assert next(steps) == (first, True)  # all three tasks have been read
        annotators[0][1].submit(second, ["Two ships lie at the quay."], ["red ship"])
        client.sdk.tasks.delete(id=str(third))
        assert list(steps) == [(second, False)]
        assert client.sdk.tasks.get(id=str(second)).total_annotations == 1
