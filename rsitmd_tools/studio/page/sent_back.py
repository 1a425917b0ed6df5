"""What was sent back to one annotator: the parts of a task's note, and what is not changed yet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rsitmd_tools.studio.sync.notes import GIVEN_AWAY, SENT_BACK_NOTE, text_hash
from rsitmd_tools.studio.sync.results import one_line, parse_result

SEPARATOR = " / "
# "anna@example.org: note", "anna@example.org, sentence 1: note", or both with the name first:
# "Anna (anna@example.org), sentence 1: note".
_ADDRESSEE = re.compile(
    r"(?P<plain>[^\s,:()]+@[^\s,:()]+)(?=[,:])|.*?\((?P<named>[^\s()]+@[^\s()]+)\)"
)


def notes_to(note: str, email: str) -> list[str]:
    """Return the parts of a note for one annotator: one text per sentence sent back.

    In a shared project, the note of a task can address several annotators. Upper and lower case do
    not matter: the lead can have typed an address before the sign-up.

    Args:
        note: The field ``note`` of a task's data.
        email: Address of the annotator.
    """
    found = []
    for part in note.split(SENT_BACK_NOTE)[1:]:
        addressee = _ADDRESSEE.match(part)
        if addressee is None:
            continue
        if (addressee["plain"] or addressee["named"]).lower() != email.lower():
            continue
        note_text = part[addressee.end() :].removeprefix(": ").removeprefix(", ")
        note_text = note_text.removesuffix(GIVEN_AWAY).removesuffix(SEPARATOR)
        found.append(note_text.removesuffix(SEPARATOR.rstrip()).strip())
    return found


def unchanged_notes(
    notes: list[str], sent_back: Sequence[Any], email: str, results: Sequence[Any]
) -> list[str]:
    """Return the notes on those sentences that an annotator has not changed.

    Args:
        notes: The parts of the task's note for the annotator.
        sent_back: The field ``sent_back`` of the task's data.
        email: Address of the annotator.
        results: The results of the annotator's annotations of the task.
    """
    own = [
        (int(slot), str(text))
        for author, slot, text in sent_back
        if str(author).lower() == email.lower()
    ]
    waits = [any(_holds(result, slot, text) for result in results) for slot, text in own]
    if len(own) != len(notes):  # a note can contain the words that separate notes
        return notes if any(waits) else []
    return [note for note, wait in zip(notes, waits, strict=True) if wait]


def _holds(result: Any, slot: int, text: str) -> bool:
    """Return whether a field, or any field if that one is missing, has the text of a hash."""
    parts = [part for part in result or [] if isinstance(part, dict)]
    written = dict(parse_result(parts).sentences)
    if slot in written or not text:
        return text_hash(written.get(slot, "")) == text
    values = [part["value"].get("text") for part in parts if isinstance(part.get("value"), dict)]
    lines = [line for value in values if isinstance(value, list) for line in value]
    return text in {text_hash(one_line(line)) for line in lines if isinstance(line, str)}
