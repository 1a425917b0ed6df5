"""Errors for users: one line with the place, the problem and a hint."""

from __future__ import annotations

import os
import shlex


class RsitmdError(Exception):
    """A failure the user can act on.

    The message is one line, ``where: what; hint``. Newlines and control characters from the
    data are escaped, so that a malicious file name or caption can neither break the line nor
    send control sequences to the terminal.

    Args:
        what: The problem, in lower case, without a full stop.
        where: The file, key, image or sentence.
        hint: What the user can do, as an imperative.
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
    """The command was used incorrectly; exit code 2."""

    exit_code = 2


class MissingExtra(RsitmdError):
    """A package that an extra installs is missing."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed", hint=install_hint(extra))


def install_hint(extra: str) -> str:
    """Return how to install the packages of an extra."""
    return f"in a clone of rsitmd-tools, run: pip install '.[{extra}]'"


def printable(text: str) -> str:
    """Return ``text`` on one line with every unprintable character escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in text
    )


def reason(error: BaseException) -> str:
    """Return the reason of an exception as a short line of text."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    text = str(error).strip()
    return printable(text.splitlines()[0]) if text else type(error).__name__


def structure_reason(error: BaseException) -> str:
    """Return why a JSON document could not be read: a missing key, or an unexpected structure."""
    if isinstance(error, KeyError):
        return f"has no key {error}"
    if isinstance(error, TypeError | AttributeError):
        return "has an unexpected structure"
    return reason(error)


def count_of(count: int, noun: str) -> str:
    """Return a count with its noun, for example ``1 image`` and ``2 images``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def command_line(*words: object) -> str:
    """Return an ``rsitmd`` command for a hint; words are quoted where a shell needs it."""
    return shlex.join(("rsitmd", *map(str, words)))
