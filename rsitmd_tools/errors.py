"""Errors that a user reads: one line that says where, what, and how to mend it."""

from __future__ import annotations

import os


class RsitmdError(Exception):
    """A failure the user can act on.

    The message is one line, ``where: what; mend``. Newlines and control characters that
    came in with the data are shown escaped, so that a hostile file name or caption can
    neither break the line nor reach the terminal raw.

    Args:
        what: What went wrong, in lower case, without a full stop.
        where: File, key, image or sentence it is about.
        hint: What the user can do about it.
    """

    exit_code = 1

    def __init__(
        self, what: str, *, where: str | os.PathLike[str] | None = None, hint: str | None = None
    ) -> None:
        self.what = what
        self.where = None if where is None else os.fspath(where)
        self.hint = hint
        line = what if self.where is None else f"{self.where}: {what}"
        if hint:
            line = f"{line}; {hint}"
        super().__init__(printable(line))


class WrongUsage(RsitmdError):
    """The command was called in a way that cannot work; exit code 2."""

    exit_code = 2


class MissingExtra(RsitmdError):
    """A part of the tool that is installed by an extra is absent."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} is not installed", hint=f"pip install 'rsitmd-tools[{extra}]' brings it"
        )


def printable(text: str) -> str:
    """Return ``text`` on one line with every unprintable character escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in text
    )


def reason(error: BaseException) -> str:
    """Return the shortest readable reason of a library's or the system's error."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    text = str(error).strip()
    return printable(text.splitlines()[0]) if text else type(error).__name__
