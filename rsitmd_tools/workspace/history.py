"""Everything that was written for one image: revisions, assignments, skips, decisions."""

from __future__ import annotations

from dataclasses import dataclass

from rsitmd_tools.workspace.store import Workspace


@dataclass(frozen=True, slots=True)
class HistoricRevision:
    """A revision of an annotation.

    Attributes:
        row: Row in table ``annotation``.
        task: Row in table ``task``.
        server_id: Number of the annotation on the server.
        project: Number of the project on the server.
        project_row: Row of the project.
        pilot: Whether it was written in a pilot.
        annotator: Address of the author.
        changed_by: Address of the annotator who changed it last; None for the author.
        updated_at: When it was changed last, ISO 8601 UTC.
        seconds: Time that the server measured; None if it measured none.
        latest: Whether it is the latest revision.
        deleted_at: When a pull found it deleted; None if it was not deleted.
        result: The server's result as JSON text.
        keywords: Its keywords in the order of the labeling page.
    """

    row: int
    task: int
    server_id: int
    project: int
    project_row: int
    pilot: bool
    annotator: str
    changed_by: str | None
    updated_at: str
    seconds: float | None
    latest: bool
    deleted_at: str | None
    result: str
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HistoricDecision:
    """A change of a sentence's state.

    Attributes:
        state: The new state.
        decided_by: Name of the reviewer, or :data:`rsitmd_tools.workspace.states.PULL`.
        decided_at: ISO 8601 UTC.
        note: Reason; may be empty.
        codes: Codes of the rules with a finding.
    """

    state: str
    decided_by: str
    decided_at: str
    note: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HistoricSentence:
    """A sentence of a revision.

    Attributes:
        slot: Number of the text area on the labeling page, from 1.
        raw: The text; empty if it was left empty and sent back.
        state: One of :mod:`rsitmd_tools.workspace.states`.
        origin: One of :data:`rsitmd_tools.dataset.records.ORIGINS`.
        machine_raw: The most similar of the machine texts that were shown; None without any.
        edit_distance: Edit distance from that text, in characters.
        decisions: Changes of the state, oldest first.
    """

    slot: int
    raw: str
    state: str
    origin: str
    machine_raw: str | None
    edit_distance: int | None
    decisions: tuple[HistoricDecision, ...]


@dataclass(frozen=True, slots=True)
class HistoricSkip:
    """A skip of a task.

    Attributes:
        annotator: Address of the annotator.
        skipped_at: ISO 8601 UTC.
    """

    annotator: str
    skipped_at: str


def assigned_annotators(workspace: Workspace, image: int) -> list[str]:
    """Return the addresses of the annotators to whom an image is assigned."""
    rows = workspace.db.execute(
        "SELECT email FROM assignment JOIN annotator ON annotator.id = annotator_id"
        " WHERE image_id = ? ORDER BY annotator.id",
        (image,),
    )
    return [row["email"] for row in rows]


def revisions_of_image(workspace: Workspace, image: int) -> list[HistoricRevision]:
    """Return all revisions of all annotations of an image, oldest first."""
    rows = workspace.db.execute(
        "SELECT annotation.*, author.email, other.email AS other, project.server_id AS project,"
        " project.id AS project_row,"
        " project.kind FROM annotation JOIN task ON task.id = task_id"
        " JOIN project ON project.id = project_id"
        " JOIN annotator AS author ON author.id = annotation.annotator_id"
        " LEFT JOIN annotator AS other ON other.id = updated_by AND updated_by <> author.id"
        " WHERE image_id = ? ORDER BY annotation.updated_at, annotation.id",
        (image,),
    )
    return [
        HistoricRevision(
            row=row["id"],
            task=row["task_id"],
            server_id=row["server_id"],
            project=row["project"],
            project_row=row["project_row"],
            pilot=row["kind"] == "pilot",
            annotator=row["email"],
            changed_by=row["other"],
            updated_at=row["updated_at"],
            seconds=row["lead_time"],
            latest=bool(row["latest"]),
            deleted_at=row["deleted_at"],
            result=row["result"],
            keywords=_keywords(workspace, row["id"]),
        )
        for row in rows.fetchall()
    ]


def sentences_of_revision(workspace: Workspace, annotation: int) -> list[HistoricSentence]:
    """Return the sentences of a revision by slot, with all decisions about them.

    Args:
        workspace: The workspace.
        annotation: Row in table ``annotation``.
    """
    rows = workspace.db.execute(
        "SELECT * FROM sentence WHERE annotation_id = ? ORDER BY slot", (annotation,)
    )
    return [
        HistoricSentence(
            slot=row["slot"],
            raw=row["raw"],
            state=row["state"],
            origin=row["origin"],
            machine_raw=row["machine_raw"],
            edit_distance=row["edit_distance"],
            decisions=_decisions(workspace, row["id"]),
        )
        for row in rows.fetchall()
    ]


def skips_of_image(workspace: Workspace, image: int) -> list[HistoricSkip]:
    """Return the skips of an image, oldest first."""
    rows = workspace.db.execute(
        "SELECT email, skipped_at FROM skip JOIN task ON task.id = task_id"
        " JOIN annotator ON annotator.id = skip.annotator_id WHERE image_id = ?"
        " ORDER BY skipped_at",
        (image,),
    )
    return [HistoricSkip(row["email"], row["skipped_at"]) for row in rows]


def _keywords(workspace: Workspace, annotation: int) -> tuple[str, ...]:
    rows = workspace.db.execute(
        "SELECT raw FROM keyword WHERE annotation_id = ? ORDER BY slot", (annotation,)
    )
    return tuple(row["raw"] for row in rows)


def _decisions(workspace: Workspace, sentence: int) -> tuple[HistoricDecision, ...]:
    rows = workspace.db.execute(
        "SELECT * FROM decision WHERE sentence_id = ? ORDER BY id", (sentence,)
    )
    return tuple(
        HistoricDecision(
            state=row["after"],
            decided_by=row["decided_by"],
            decided_at=row["decided_at"],
            note=row["note"],
            codes=tuple(row["codes"].split()),
        )
        for row in rows
    )
