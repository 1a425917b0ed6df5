"""The answers of several annotators to one image."""

from __future__ import annotations

from pathlib import Path

from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.agreement import keywords_by_annotator
from tests.builders import add, add_annotation, add_team


def test_keywords_of_removed_images_do_not_count(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        with workspace.transaction() as db:
            add_team(db, "a@x", "b@x")
            for image in (1, 2):
                add(db, "image", id=image, category="port", number=image)
                add(db, "task", id=image, image_id=image)
                for person, words in ((1, ["grey quay"]), (2, [])):
                    add_annotation(
                        db, keywords=words, task_id=image, annotator_id=person,
                        server_id=10 * image + person,
                    )  # fmt: skip
        assert keywords_by_annotator(workspace) == [[["grey quay"], []]] * 2
        with workspace.transaction() as db:
            add(db, "removed_image", image_id=2)
        assert keywords_by_annotator(workspace) == [[["grey quay"], []]]


def test_keywords_of_a_rejected_annotation_do_not_count(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        with workspace.transaction() as db:
            add_team(db, "a@x", "b@x")
            add(db, "image", id=1, category="port", number=1)
            add(db, "task", id=1, image_id=1)
            for person, word in ((1, "grey quay"), (2, "wrong ship")):
                annotation = add_annotation(
                    db, keywords=[word], task_id=1, annotator_id=person, server_id=person
                )
                add(db, "sentence", annotation_id=annotation, slot=1, raw="A quay.", state="new")
        assert keywords_by_annotator(workspace) == [[["grey quay"], ["wrong ship"]]]
        with workspace.transaction() as db:
            db.execute(
                "UPDATE sentence SET state = 'rejected' WHERE annotation_id = ?", (annotation,)
            )
        assert keywords_by_annotator(workspace) == [[["grey quay"]]]
