"""Full report of state-dict mismatches: missing names and shapes that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from rsitmd_tools.errors import RsitmdError, printable

# Mismatches in the first line of the message, and in the list below it.
IN_LINE = 3
LISTED = 20


class StateDictMismatch(RsitmdError):
    """A state dict that belongs to another network.

    This is the only error with more than one line: the mismatches follow, one tensor per line.

    Args:
        what: What went wrong.
        mismatches: The mismatches; at most ``LISTED`` are listed, the others are counted.
        where: The file.
        hint: What the user can do about it.
    """

    def __init__(self, what: str, mismatches: Sequence[str], *, where: Path, hint: str) -> None:
        super().__init__(what, where=where, hint=hint)
        lines = [f"  {printable(mismatch)}" for mismatch in mismatches[:LISTED]]
        if len(mismatches) > LISTED:
            lines.append(f"  and {len(mismatches) - LISTED} more")
        self.args = ("\n".join([str(self), *lines]),)


def missing_names(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    """Return the names of ``own`` that ``state`` lacks."""
    return [key for key in own if key not in state]


def shape_mismatches(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    """Return the shapes that differ, such as ``conv.weight (3, 8), expected (4, 8)``."""
    return [
        f"{key} {tuple(state[key].shape)}, expected {tuple(own[key].shape)}"
        for key in own
        if key in state and own[key].shape != state[key].shape
    ]


def first_mismatches(mismatches: Sequence[str]) -> str:
    """Return the first mismatches, for the first line of a message."""
    return ", ".join(mismatches[:IN_LINE])


def mismatch_counts(missing: Sequence[str], shapes: Sequence[str]) -> str:
    """Return such as ``2 names missing (a, b), 1 shape differs (c)``; empty lists are omitted."""
    counts = []
    if missing:
        noun = "name" if len(missing) == 1 else "names"
        counts.append(f"{len(missing)} {noun} missing ({first_mismatches(missing)})")
    if shapes:
        differ = "shape differs" if len(shapes) == 1 else "shapes differ"
        counts.append(f"{len(shapes)} {differ} ({first_mismatches(shapes)})")
    return ", ".join(counts)


def mismatch_lines(missing: Sequence[str], shapes: Sequence[str]) -> list[str]:
    """Return one line per mismatch."""
    return [*(f"{key} missing" for key in missing), *shapes]
