"""How the tensors of a file differ from those a network wants, told whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from rsitmd_tools.errors import RsitmdError, printable

IN_LINE = 3
LISTED = 20


class Unfit(RsitmdError):
    """Tensors that belong to another network.

    The one exception to messages of one line: below it stands what differs, a tensor a line.

    Args:
        what: What went wrong.
        differing: What differs; of more than ``LISTED`` the rest is counted.
        where: The file.
        hint: What the user can do about it.
    """

    def __init__(self, what: str, differing: Sequence[str], *, where: Path, hint: str) -> None:
        super().__init__(what, where=where, hint=hint)
        lines = [f"  {printable(each)}" for each in differing[:LISTED]]
        if len(differing) > LISTED:
            lines.append(f"  and {len(differing) - LISTED} more")
        self.args = ("\n".join([str(self), *lines]),)


def absent(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    """Return the names a network wants and a file has not."""
    return [key for key in own if key not in state]


def misshapen(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    """Return what has another shape, such as ``conv.weight (3, 8) for (4, 8)``."""
    return [
        f"{key} {tuple(state[key].shape)} for {tuple(own[key].shape)}"
        for key in own
        if key in state and own[key].shape != state[key].shape
    ]


def first_of(differing: Sequence[str]) -> str:
    """Return what of a list the one line has room for."""
    return ", ".join(differing[:IN_LINE])


def listed(missing: Sequence[str], shapes: Sequence[str]) -> list[str]:
    """Return both as they stand below the line."""
    return [*(f"{key} absent" for key in missing), *shapes]
