"""The log of the Label Studio that a workspace starts."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILENAME = "server.log"
_END = 4096  # bytes to read
_LAST = 6  # lines: a message can have several, and a shutdown can add some
# The last line of a traceback, with the names of the modules before that of the exception.
_EXCEPTION = re.compile(r"^(?:[\w.]+\.)?(\w*(?:Error|Exception|Failure)): *(\S.*)$", re.MULTILINE)


def last_error(log: Path, start: int) -> str | None:
    """Return the exception at the end of a log, in one line.

    Args:
        log: The log file.
        start: Its size in bytes when the process started.

    Returns:
        Name and first line of the message; None if the log does not end with an exception.
    """
    with suppress(OSError), log.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(start, size - _END))
        lines = stream.read().decode("utf-8", "replace").splitlines()
        found = _EXCEPTION.findall("\n".join(lines[-_LAST:]))
        if found:
            name, message = found[-1]
            return f"{name}: {message.rstrip(' .:')}"
    return None
