"""Annotations of a page do not do the work of a page with other work."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.studio.campaign.sentences import sentences
from rsitmd_tools.studio.campaign.status import status
from rsitmd_tools.studio.sync.assign import wanting
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.assignments import images_to_send, open_counts
from rsitmd_tools.workspace.tasks import open_images_of_owner, tasks_captioned_before
from tests.builders import WHEN, add, add_annotation

SETTINGS = """[annotation]
template = "{}"
annotators_per_image = 1
sentences_per_annotator = {}
"""


def campaign(folder: Path, before: str, now: str, asked: int = 1) -> Workspace:
    """Open a workspace whose one image was annotated on a page, and whose page is another now.

    The project of the page before is closed, and the one in its place has the task.
    """
    with Workspace.create(folder) as workspace, workspace.transaction() as db:
        anna = add(db, "annotator", email="anna@x.org", joined_at=WHEN)
        image = add(db, "image")
        add(db, "assignment", annotator_id=anna, image_id=image)
        for number, (page, closed) in enumerate(((before, WHEN), (now, None)), 1):
            add(db, "project", annotator_id=anna, template=page, closed_at=closed, id=number)
            add(db, "task", id=number, project_id=number, image_id=image)
        old = add(
            db,
            "imported_image",
            dataset="Old",
            name="1",
            category="port",
            number=1,
            imported_at=WHEN,
            image_id=image if now == "correction" else None,
        )
        add(db, "imported_sentence", imported_image_id=old, raw="Boats.", slot=1)
        text = ["Two boats lie at the pier."] if before in ("captioning", "correction") else []
        add_annotation(db, text, ["white boat"], task_id=1, annotator_id=anna)
    (folder / "rsitmd.toml").write_text(SETTINGS.format(now, asked), encoding="utf-8")
    return Workspace.open(folder)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("captioning", "correction"),
        ("captioning", "ranking"),
        ("correction", "ranking"),
        ("keywords", "ranking"),
        ("keywords", "captioning"),
        ("ranking", "captioning"),
        ("ranking", "keywords"),
        ("ranking", "correction"),
    ],
)
def test_images_of_a_page_with_other_work_are_annotated_again(
    tmp_path: Path, before: str, now: str
) -> None:
    with campaign(tmp_path / "w", before, now, asked=5) as workspace:
        assert images_to_send(workspace.db, 1) == [1]
        assert tasks_captioned_before(workspace.db, 2) == []  # they would be withdrawn
        assert open_images_of_owner(workspace.db, 2) == {1}
        found = status(workspace)
        assert (found["complete"], found["missing"], found["people"][0]["open"]) == (0, 1, 1)
        assert found["annotations"] == 1  # the work that was done stays counted
        assert found["short"] == 0  # nobody left a field of the new page empty


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("captioning", "captioning"),
        ("correction", "correction"),
        ("ranking", "ranking"),
        ("captioning", "keywords"),  # it asked for keywords too
        ("correction", "captioning"),  # the corrections are sentences
    ],
)
def test_an_image_with_the_work_of_the_page_is_not_annotated_again(
    tmp_path: Path, before: str, now: str
) -> None:
    with campaign(tmp_path / "w", before, now) as workspace:
        assert images_to_send(workspace.db, 1) == []
        assert tasks_captioned_before(workspace.db, 2) == [2]
        assert open_counts(workspace.db) == {}
        assert status(workspace)["complete"] == 1


@pytest.mark.parametrize(("now", "wanted"), [("captioning", []), ("ranking", [1])])
def test_a_shared_project_gets_the_images_again(
    tmp_path: Path, now: str, wanted: list[int]
) -> None:
    campaign(tmp_path / "w", "captioning", now).close()
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        with workspace.transaction() as db:
            db.execute("DELETE FROM assignment")
        assert [need.image for need in wanting(workspace)] == wanted


def test_sentences_are_numbered_from_1_after_a_ranking(tmp_path: Path) -> None:
    """The text of the new page is sentence 1 of its author, who has written no other one."""
    campaign(tmp_path / "w", "ranking", "captioning").close()
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        with workspace.transaction() as db:
            add_annotation(db, ["Two boats lie at the pier."], id=2, task_id=2, annotator_id=1)
        [entry] = sentences(workspace).values()
        assert entry.label == "port_1.tif, anna@x.org"
