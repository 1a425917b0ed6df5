"""Which parts of a task's note are for one person."""

from __future__ import annotations

import re

from rsitmd_tools.studio.sync.notes import GIVEN_AWAY, SENT_BACK_NOTE

SEPARATOR = " / "
# "anna@example.org: why", "anna@example.org, sentence 1: why", and both with the person's name:
# "Anna (anna@example.org), sentence 1: why".
_ADDRESSEE = re.compile(
    r"(?P<plain>[^\s,:()]+@[^\s,:()]+)(?=[,:])|.*?\((?P<named>[^\s()]+@[^\s()]+)\)"
)


def notes_to(note: str, email: str) -> list[str]:
    """Return what a note says to one person: one text for each sentence sent back to them.

    The note of a task in a shared project can name several people.

    Args:
        note: The field ``note`` of a task's data.
        email: The person's address on the server.
    """
    found = []
    for part in note.split(SENT_BACK_NOTE)[1:]:
        addressee = _ADDRESSEE.match(part)
        if addressee is None or (addressee["plain"] or addressee["named"]) != email:
            continue
        said = part[addressee.end() :].removeprefix(": ").removeprefix(", ")
        said = said.removesuffix(GIVEN_AWAY).removesuffix(SEPARATOR)
        found.append(said.removesuffix(SEPARATOR.rstrip()).strip())
    return found
