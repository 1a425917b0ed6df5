"""Parses the note of a task: which parts are for one annotator."""

from __future__ import annotations

import re

from rsitmd_tools.studio.sync.notes import GIVEN_AWAY, SENT_BACK_NOTE

SEPARATOR = " / "
# "anna@example.org: note", "anna@example.org, sentence 1: note", or both with the name first:
# "Anna (anna@example.org), sentence 1: note".
_ADDRESSEE = re.compile(
    r"(?P<plain>[^\s,:()]+@[^\s,:()]+)(?=[,:])|.*?\((?P<named>[^\s()]+@[^\s()]+)\)"
)


def notes_to(note: str, email: str) -> list[str]:
    """Return the parts of a note for one annotator: one text per sentence sent back.

    In a shared project, the note of a task can address several annotators.

    Args:
        note: The field ``note`` of a task's data.
        email: Address of the annotator.
    """
    found = []
    for part in note.split(SENT_BACK_NOTE)[1:]:
        addressee = _ADDRESSEE.match(part)
        if addressee is None or (addressee["plain"] or addressee["named"]) != email:
            continue
        note_text = part[addressee.end() :].removeprefix(": ").removeprefix(", ")
        note_text = note_text.removesuffix(GIVEN_AWAY).removesuffix(SEPARATOR)
        found.append(note_text.removesuffix(SEPARATOR.rstrip()).strip())
    return found
