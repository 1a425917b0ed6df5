"""The pilot: its images, its reference sentences, and what annotators wrote in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rsitmd_tools.workspace.store import Workspace, utc_now


@dataclass(frozen=True, slots=True)
class PilotImage:
    """An image of the current pilot.

    Attributes:
        row: Row in table ``image``.
        filename: File name.
        category: Category of the image.
    """

    row: int
    filename: str
    category: str


def record_start(
    workspace: Workspace,
    images: Sequence[str],
    references: Mapping[str, Sequence[str]],
    started_by: str,
) -> None:
    """Start a pilot.

    Args:
        workspace: The workspace, open for writing.
        images: File names of the pilot's images, in their order.
        references: Reference sentences by file name; an image may have none.
        started_by: Name of the lead.
    """
    with workspace.transaction() as db:
        db.execute(
            "INSERT INTO pilot (started_at, started_by) VALUES (?, ?)", (utc_now(), started_by)
        )
        for position, name in enumerate(images):
            row = db.execute("SELECT id FROM image WHERE filename = ?", (name,)).fetchone()["id"]
            db.execute("INSERT INTO pilot_image VALUES (?, ?)", (row, position))
            db.executemany(
                "INSERT INTO pilot_reference VALUES (?, ?, ?)",
                [(row, slot, raw) for slot, raw in enumerate(references.get(name, []), 1)],
            )


def record_stop(workspace: Workspace, pilot: int, stopped_by: str) -> None:
    """Stop a pilot and remove its images and references; annotations stay.

    Args:
        workspace: The workspace, open for writing.
        pilot: Row in table ``pilot``.
        stopped_by: Name of the lead.
    """
    with workspace.transaction() as db:
        db.execute(
            "UPDATE pilot SET stopped_at = ?, stopped_by = ? WHERE id = ?",
            (utc_now(), stopped_by, pilot),
        )
        db.execute("DELETE FROM pilot_reference")
        db.execute("DELETE FROM pilot_image")


def pilot_images(workspace: Workspace) -> list[PilotImage]:
    """Return the images of the current pilot in their order; empty without a pilot."""
    rows = workspace.db.execute(
        "SELECT image.id, filename, category FROM pilot_image"
        " JOIN kept_image AS image ON image.id = image_id"
        " ORDER BY position"
    )
    return [PilotImage(row["id"], row["filename"], row["category"]) for row in rows]


def pilot_references(workspace: Workspace) -> dict[int, list[str]]:
    """Return the reference sentences of the current pilot.

    Returns:
        Sentences by row of the image; images without references are left out.
    """
    found: dict[int, list[str]] = defaultdict(list)
    for row in workspace.db.execute(
        "SELECT image_id, raw FROM pilot_reference ORDER BY image_id, slot"
    ):
        found[row["image_id"]].append(row["raw"])
    return dict(found)


def pilot_sentences(workspace: Workspace, pilot: int | None, person: int) -> dict[int, list[str]]:
    """Return what an annotator wrote in one pilot.

    Args:
        workspace: The workspace.
        pilot: Row in table ``pilot``; nothing is found for None.
        person: Row in table ``annotator``.

    Returns:
        Sentences by row of the image.
    """
    found: dict[int, list[str]] = defaultdict(list)
    for row in workspace.db.execute(
        "SELECT task.image_id, raw FROM sentence"
        " JOIN live_annotation AS annotation ON annotation.id = annotation_id"
        " JOIN task ON task.id = task_id"
        " JOIN project ON project.id = project_id AND project.kind = 'pilot'"
        " WHERE annotation.annotator_id = ? AND project.pilot_id = ?"
        " ORDER BY task.image_id, slot",
        (person, pilot),
    ):
        found[row["image_id"]].append(row["raw"])
    return dict(found)


def shared_project_in_use(workspace: Workspace) -> bool:
    """Return whether an open project that annotators share has annotations."""
    row = workspace.db.execute(
        "SELECT 1 FROM annotation JOIN task ON task.id = task_id"
        " JOIN project ON project.id = project_id"
        " WHERE project.annotator_id IS NULL AND closed_at IS NULL"
    ).fetchone()
    return row is not None
