"""Counts over a campaign: tasks, annotations, skips."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from rsitmd_tools.dataset.records import UNTOUCHED
from rsitmd_tools.workspace.states import REJECTED, SENT_BACK
from rsitmd_tools.workspace.store import Workspace

# Complete current annotations of the main projects.
_COUNTED = (
    " FROM current_annotation AS annotation JOIN main_task AS task ON task.id = task_id"
    " JOIN annotator ON annotator.id = annotation.annotator_id"
)


@dataclass(frozen=True, slots=True)
class CountedAnnotation:
    """A current annotation.

    Attributes:
        email: Address of its annotator.
        created_at: When it was first submitted, ISO 8601 UTC.
        seconds: Time that the server measured; None if it measured none.
    """

    email: str
    created_at: str
    seconds: float | None


def count_tasks(workspace: Workspace) -> int:
    """Return the number of tasks on the server in open main projects."""
    row = workspace.db.execute(
        "SELECT count(*) FROM main_task WHERE closed_at IS NULL AND server_id > 0"
        " AND image_id NOT IN (SELECT image_id FROM removed_image)"
    ).fetchone()
    return int(row[0])


def count_drafts(workspace: Workspace) -> int:
    """Return the number of tasks that had a draft at the last pull."""
    return int(workspace.db.execute("SELECT coalesce(sum(drafts), 0) FROM task").fetchone()[0])


def skip_counts(workspace: Workspace) -> Counter[str]:
    """Return the number of skips of each annotator, by address."""
    rows = workspace.db.execute(
        "SELECT email, count(*) FROM skip JOIN annotator ON annotator.id = annotator_id"
        " GROUP BY email"
    )
    return Counter(dict(rows.fetchall()))


def annotation_counts(workspace: Workspace) -> Counter[str]:
    """Return the number of current annotations of each annotator, by address.

    Annotators are in the order in which they became known.
    """
    rows = workspace.db.execute(
        f"SELECT annotator.email, count(*) {_COUNTED} WHERE whole"
        " GROUP BY annotator.id ORDER BY annotator.id"
    )
    return Counter(dict(rows.fetchall()))


def counted_annotations(workspace: Workspace) -> list[CountedAnnotation]:
    """Return the current annotations of the main projects, oldest first."""
    rows = workspace.db.execute(
        f"SELECT email, annotation.created_at, lead_time {_COUNTED} WHERE whole"
        " ORDER BY annotation.created_at"
    )
    return [CountedAnnotation(row["email"], row["created_at"], row["lead_time"]) for row in rows]


def texts_by_annotator(workspace: Workspace) -> dict[str, list[str]]:
    """Return the sentences of the current annotations by address, without empty ones."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in workspace.db.execute(
        f"SELECT annotator.email, raw {_COUNTED}"
        " JOIN sentence ON sentence.annotation_id = annotation.id WHERE whole AND raw <> ''"
    ):
        found[row["email"]].append(row["raw"])
    return dict(found)


def annotators_of_images(workspace: Workspace, sentences: int) -> Counter[str]:
    """Return how many annotators have a complete annotation of each image, by file name.

    An annotation is incomplete if a sentence is empty, rejected, sent back or an unchanged
    machine text: its annotator has to write it again. Annotations of a page with other work than
    the configured one do not count.

    Args:
        workspace: The workspace.
        sentences: Number of sentences of a complete annotation.
    """
    rows = workspace.db.execute(
        "SELECT image.filename, count(DISTINCT annotation.annotator_id)"
        " FROM finished_annotation AS annotation JOIN image ON image.id = image_id"
        " WHERE NOT EXISTS (SELECT 1 FROM sentence WHERE annotation_id = annotation.id"
        "  AND (state IN (?, ?) OR origin = ?))"
        " AND (SELECT count(*) FROM sentence WHERE annotation_id = annotation.id AND raw <> '')"
        "  >= ? GROUP BY image.id",
        (REJECTED, SENT_BACK, UNTOUCHED, sentences),
    )
    return Counter(dict(rows.fetchall()))
