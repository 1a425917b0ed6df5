"""The rules of merging: from annotations of many people to the records of a dataset."""

from __future__ import annotations

from collections import defaultdict

from rsitmd_tools.dataset.records import ImageRecord, Sentence
from rsitmd_tools.workspace.store import Workspace

LEFT_OUT = ("sent back", "replaced", "rejected")


def merged_images(workspace: Workspace) -> list[ImageRecord]:
    """Return every image of a workspace with its sentences and keywords.

    Sentences stand in the order of the annotators (as they became known), then of the
    server's number, then of the page; those sent back, replaced or rejected are left out.
    Keywords come from any annotator: distinct ones, by votes, then first seen, at most
    ``keywords_max``.
    """
    sentences = _sentences(workspace)
    keywords = _keywords(workspace)
    rows = workspace.db.execute("SELECT * FROM image ORDER BY category, number")
    return [
        ImageRecord(
            filename=row["filename"],
            sentences=tuple(sentences[row["id"]]),
            keywords=tuple(keywords.get(row["id"], ())),
            split=row["split"],
            category=row["category"],
        )
        for row in rows
    ]


def is_keyword(text: str) -> bool:
    """Say whether a text has a keyword's form: two words or more, or ``- object``."""
    return len(text.split()) >= 2


def _sentences(workspace: Workspace) -> dict[int, list[Sentence]]:
    found: dict[int, list[Sentence]] = defaultdict(list)
    for row in workspace.db.execute(
        "SELECT task.image_id, sentence.raw, annotator.email FROM sentence"
        " JOIN annotation ON annotation.id = sentence.annotation_id"
        " JOIN task ON task.id = annotation.task_id"
        " JOIN annotator ON annotator.id = annotation.annotator_id"
        " WHERE annotation.latest AND annotation.deleted_at IS NULL"
        f" AND sentence.state NOT IN ({', '.join('?' * len(LEFT_OUT))})"
        " ORDER BY annotator.id, annotation.server_id, sentence.slot",
        LEFT_OUT,
    ):
        found[row["image_id"]].append(Sentence(row["raw"], annotator=row["email"]))
    return found


def _keywords(workspace: Workspace) -> dict[int, list[str]]:
    votes: dict[int, dict[str, int]] = defaultdict(dict)
    for row in workspace.db.execute(
        "SELECT task.image_id, keyword.raw FROM keyword"
        " JOIN annotation ON annotation.id = keyword.annotation_id"
        " JOIN task ON task.id = annotation.task_id"
        " WHERE annotation.latest AND annotation.deleted_at IS NULL"
        " ORDER BY annotation.created_at, annotation.server_id, keyword.slot"
    ):
        if is_keyword(row["raw"]):
            count = votes[row["image_id"]]
            count[row["raw"]] = count.get(row["raw"], 0) + 1
    most = workspace.settings.annotation.keywords_max
    # sorted() is stable: equal votes stay in the order in which they were first seen.
    return {
        image: sorted(count, key=lambda word: -count[word])[:most] for image, count in votes.items()
    }
