"""The origin of a sentence: a human, a machine whose text a human changed, or a machine alone.

Label Studio submits a pre-filled text that was not edited as the annotator's own, and its marks
of origin do not work for text areas. So each sentence is compared with the texts that were
given for its image.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple

from rsitmd_tools.dataset.records import CHANGED, HUMAN, UNTOUCHED
from rsitmd_tools.quality.texts import edit_distance
from rsitmd_tools.studio.api.secrets import EMBEDDED
from rsitmd_tools.text.fold import folded
from rsitmd_tools.workspace.annotations import revision_time, server_of_annotation
from rsitmd_tools.workspace.clock import on_this_computer
from rsitmd_tools.workspace.texts import given_texts, sentences_of, set_origin

# A text that keeps a smaller share of the given text counts as the annotator's own.
LEAST_KEPT = 0.5


class Origin(NamedTuple):
    """The origin of a sentence.

    Attributes:
        origin: :data:`HUMAN`, :data:`CHANGED` or :data:`UNTOUCHED`.
        machine: The most similar given text; None if no text was given. A text comes before the
            others if the annotator kept at least half of it.
        distance: Levenshtein distance to that text, in characters; None if no text was given.
    """

    origin: str
    machine: str | None = None
    distance: int | None = None


def origin_of(raw: str, given: Iterable[str], *, started_from: bool = False) -> Origin:
    """Return the origin of a sentence.

    Differences in case, white space and final punctuation are ignored. If texts were given, a
    human's own text has a distance too, because its author could see them.

    Args:
        raw: The sentence.
        given: The texts that annotators were given for the image.
        started_from: Whether the annotation began as a copy of a prediction, according to the
            server. Then a text counts as changed, however much of it was changed.
    """
    best: tuple[bool, int, str] | None = None
    for text in given:
        if _bare(text) == _bare(raw):
            return Origin(UNTOUCHED, text, edit_distance(raw, text))
        distance = edit_distance(raw, text)
        # A text that was shortened can be as far from its source as from any short text.
        own = distance > (1 - LEAST_KEPT) * max(len(raw), len(text))
        if best is None or (own, distance) < best[:2]:
            best = (own, distance, text)
    if best is None:
        return Origin(HUMAN)
    own, distance, text = best
    if started_from or not own:
        return Origin(CHANGED, text, distance)
    return Origin(HUMAN, text, distance)


def mark_origins(db: sqlite3.Connection, annotation: int, entry: dict[str, Any]) -> None:
    """Store the origin of each sentence of an annotation; call it inside a transaction.

    Texts that were added after the annotation was written are not where it comes from.

    Args:
        db: The workspace's database.
        annotation: Row of the annotation.
        entry: The annotation as the server sent it.
    """
    server = server_of_annotation(db, annotation)
    written = on_this_computer(
        db, server, revision_time(db, annotation), same=server.startswith(EMBEDDED)
    )
    given = given_texts(db, annotation, written)
    if not given:
        return
    copied = entry.get("parent_prediction") is not None
    for sentence in sentences_of(db, annotation):
        found = origin_of(sentence.raw, given, started_from=copied)
        set_origin(db, sentence.row, found.origin, found.machine, found.distance)


def _bare(text: str) -> str:
    return folded(text).rstrip(" .!?;,")
