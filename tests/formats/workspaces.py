"""A workspace of captioned images, made without a server."""

from __future__ import annotations

from pathlib import Path

from rsitmd_tools.workspace import Workspace
from tests.builders import add, add_annotation, add_team

ADDRESSES = [f"person{number}@example.org" for number in range(1, 7)]
# The first annotator has not written a sentence.
AUTHORS = range(2, 7)


def captioned_workspace(folder: Path) -> Path:
    """Make a workspace of two images with a sentence of each author."""
    with Workspace.create(folder, "ports") as workspace, workspace.transaction() as db:
        add_team(db, *ADDRESSES)
        for number, split in enumerate(("train", "test"), 1):
            image = add(db, "image", number=number, split=split)
            task = add(db, "task", image_id=image)
            for person in AUTHORS:
                add_annotation(
                    db,
                    [f"Sentence {person}, of image {number}."],
                    task_id=task,
                    server_id=10 * number + person,
                    annotator_id=person,
                )
    return folder
