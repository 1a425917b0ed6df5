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
