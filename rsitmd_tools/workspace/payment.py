"""The annotations that count for payment."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from rsitmd_tools.workspace.corrections import written_texts
from rsitmd_tools.workspace.imported import imported_sentences
from rsitmd_tools.workspace.store import Workspace

# The current annotations of each author and image. An author without a current one is paid for the
# last annotation that was deleted on the server: the work was done, whoever deleted it. Of these,
# the earliest has the time of the first annotation, deleted or not: its week can have been paid.
_DELIVERED = """
    WITH written AS (
        SELECT annotation.*, task.image_id,
            min(created_at) OVER (PARTITION BY annotator_id, image_id) AS first_at
        FROM annotation JOIN main_task AS task ON task.id = task_id
        WHERE latest
    ), delivered AS (
        SELECT * FROM written
        WHERE deleted_at IS NULL OR NOT EXISTS (
            SELECT 1 FROM written AS other
            WHERE other.annotator_id = written.annotator_id AND other.image_id = written.image_id
            AND (other.deleted_at IS NULL OR other.created_at > written.created_at
                 OR (other.created_at = written.created_at AND other.id > written.id))
        )
    )
    SELECT delivered.*, annotator.email, annotator.name, CASE
        row_number() OVER (PARTITION BY annotator_id, image_id ORDER BY created_at, delivered.id)
        WHEN 1 THEN first_at ELSE created_at END AS submitted_at
    FROM delivered JOIN annotator ON annotator.id = annotator_id
    ORDER BY annotator.id, submitted_at
"""


@dataclass(frozen=True, slots=True)
class DeliveredSentence:
    """A sentence of a delivered annotation.

    Attributes:
        raw: The text, not empty.
        state: One of :mod:`rsitmd_tools.workspace.states`.
        origin: One of :data:`rsitmd_tools.dataset.records.ORIGINS`.
        imported: Whether the annotator left an imported sentence of the image as it was.
            Corrections by ``validate --fix``, of either text, do not count.
    """

    raw: str
    state: str
    origin: str
    imported: bool = False


@dataclass(frozen=True, slots=True)
class DeliveredAnnotation:
    """An annotation that an annotator is paid for.

    Attributes:
        email: Address of the annotator.
        name: Display name of the annotator; may be empty.
        created_at: When it was first submitted, ISO 8601 UTC. If it replaces annotations that
            were deleted on the server, this is the time of the first of them.
        seconds: Time that the server measured; None if it measured none.
        deleted: Whether it was deleted on the server.
        sentences: Its sentences, without empty ones.
        keywords: Number of its keywords.
    """

    email: str
    name: str
    created_at: str
    seconds: float | None
    deleted: bool
    sentences: tuple[DeliveredSentence, ...]
    keywords: int


def delivered_annotations(workspace: Workspace) -> list[DeliveredAnnotation]:
    """Return the annotations to pay for, by annotator and time of submission."""
    sentences: dict[int, list[DeliveredSentence]] = defaultdict(list)
    imported = _imported_texts(workspace)
    written = written_texts(workspace.db)
    for row in workspace.db.execute(
        "SELECT sentence.id, annotation_id, task.image_id, raw, state, origin FROM sentence"
        " JOIN annotation ON annotation.id = annotation_id JOIN task ON task.id = task_id"
        " WHERE raw <> '' ORDER BY annotation_id, slot"
    ):
        text = _words(written.get(row["id"], row["raw"]))
        sentences[row["annotation_id"]].append(
            DeliveredSentence(
                row["raw"],
                row["state"],
                row["origin"],
                (row["image_id"], text) in imported,
            )
        )
    keywords: Counter[int] = Counter(
        dict(
            workspace.db.execute(
                "SELECT annotation_id, count(*) FROM keyword GROUP BY annotation_id"
            ).fetchall()
        )
    )
    return [
        DeliveredAnnotation(
            email=row["email"],
            name=row["name"],
            created_at=row["submitted_at"],
            seconds=row["lead_time"],
            deleted=row["deleted_at"] is not None,
            sentences=tuple(sentences.get(row["id"], ())),
            keywords=keywords[row["id"]],
        )
        for row in workspace.db.execute(_DELIVERED)
    ]


def _imported_texts(workspace: Workspace) -> set[tuple[int | None, str]]:
    """Return the imported sentences of each image (row), before and after corrections."""
    images, found = {}, set()
    for sentence in imported_sentences(workspace, removed=True):
        images[sentence.row] = sentence.image
        found.add((sentence.image, _words(sentence.raw)))
    for row in workspace.db.execute("SELECT imported_sentence_id, before FROM imported_correction"):
        found.add((images[row["imported_sentence_id"]], _words(row["before"])))
    return found


def _words(text: str) -> str:
    return " ".join(text.split())
