"""What a review reads and records: sentences, decisions, findings that were listed before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from rsitmd_tools.workspace.states import SENT_BACK
from rsitmd_tools.workspace.store import Workspace, utc_now


@dataclass(frozen=True, slots=True)
class ReviewedSentence:
    """A stored sentence of an annotation under review.

    Attributes:
        row: Row in table ``sentence``.
        raw: The text; empty if the sentence was left empty and sent back.
        state: One of :mod:`rsitmd_tools.workspace.states`.
    """

    row: int
    raw: str
    state: str


@dataclass(frozen=True, slots=True)
class ReviewedAnnotation:
    """A current annotation of a main project.

    Attributes:
        row: Row in table ``annotation``.
        filename: File name of its image.
        email: Address of its annotator.
        task: Number of its task on the server; negative if the task was deleted there.
        project: Number of its project on the server.
        shared: Whether several annotators work in that project.
        deleted: Whether the annotation was deleted on the server.
        finished: Whether it does the work of the configured labeling page; see
            :mod:`rsitmd_tools.workspace.finished`.
        sentences: Its stored sentences by slot.
    """

    row: int
    filename: str
    email: str
    task: int
    project: int
    shared: bool
    deleted: bool
    finished: bool
    sentences: dict[int, ReviewedSentence]


def reviewed_annotations(workspace: Workspace) -> list[ReviewedAnnotation]:
    """Return the current annotations of the main projects, by image, annotator and number."""
    sentences: dict[int, dict[int, ReviewedSentence]] = defaultdict(dict)
    for row in workspace.db.execute("SELECT id, annotation_id, slot, raw, state FROM sentence"):
        sentences[row["annotation_id"]][row["slot"]] = ReviewedSentence(
            row["id"], row["raw"], row["state"]
        )
    rows = workspace.db.execute(
        "SELECT annotation.id, filename, email, task.server_id AS task,"
        " project_server_id AS project, owner_id AS owner, deleted_at,"
        " annotation.id IN (SELECT id FROM finished_annotation) AS finished"
        " FROM current_annotation AS annotation"
        " JOIN main_task AS task ON task.id = task_id"
        " JOIN kept_image AS image ON image.id = image_id"
        " JOIN annotator ON annotator.id = annotation.annotator_id"
        " ORDER BY image.category, image.number, annotator.id, annotation.server_id"
    )
    return [
        ReviewedAnnotation(
            row=row["id"],
            filename=row["filename"],
            email=row["email"],
            task=row["task"],
            project=row["project"],
            shared=row["owner"] is None,
            deleted=row["deleted_at"] is not None,
            finished=bool(row["finished"]),
            sentences=sentences.get(row["id"], {}),
        )
        for row in rows
    ]


def state_counts(workspace: Workspace) -> dict[str, int]:
    """Return the number of sentences in each state, without pilots and removed images.

    Replaced sentences belong to earlier revisions. Of annotations that were deleted on the
    server, only current sentences are counted.
    """
    rows = workspace.db.execute(
        "SELECT state, count(*) FROM sentence JOIN annotation ON annotation.id = annotation_id"
        " JOIN main_task ON main_task.id = task_id JOIN kept_image ON kept_image.id = image_id"
        " WHERE deleted_at IS NULL OR sentence.id IN (SELECT id FROM current_sentence)"
        " GROUP BY state ORDER BY state"
    )
    return dict(rows.fetchall())


def was_ever_sent_back(workspace: Workspace) -> bool:
    """Return whether a sentence of the workspace is or was sent back."""
    row = workspace.db.execute(
        "SELECT 1 FROM decision WHERE after = ? LIMIT 1", (SENT_BACK,)
    ).fetchone()
    return row is not None


def seen_findings(workspace: Workspace) -> set[tuple[int, str, str]]:
    """Return the findings that a review has listed.

    Returns:
        Row of the sentence, code and message of each.
    """
    rows = workspace.db.execute("SELECT sentence_id, code, message FROM seen_finding")
    return {(row["sentence_id"], row["code"], row["message"]) for row in rows}


def add_seen_findings(workspace: Workspace, findings: Iterable[tuple[int, str, str]]) -> None:
    """Record that a review has listed findings.

    Args:
        workspace: The workspace, open for writing.
        findings: Row of the sentence, code and message of each.
    """
    with workspace.transaction() as db:
        db.executemany(
            "INSERT OR IGNORE INTO seen_finding (sentence_id, code, message, seen_at)"
            " VALUES (?, ?, ?, ?)",
            [(*finding, utc_now()) for finding in findings],
        )
