"""One writer at a time: an advisory lock that records its holder."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from rsitmd_tools.errors import RsitmdError


class WriterLock:
    """The lock of the writer of a folder.

    The system releases it when the process ends for any reason, so a killed writer never
    leaves a folder locked.

    Args:
        path: The file of the lock, in that folder.
        what: What the folder is, for the message.
    """

    def __init__(self, path: Path, what: str = "workspace") -> None:
        self._path = path
        self._what = what
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            RsitmdError: Another process holds it. The message describes that process.
        """
        stream = self._path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            holder = _describe(stream.read())
            stream.close()
            raise RsitmdError(
                f"another command is writing to this {self._what}: {holder}",
                where=self._path.parent,
                hint="wait until it ends or stop it",
            ) from None
        stream.truncate(0)
        json.dump(
            {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "command": " ".join(["rsitmd", *sys.argv[1:3]]),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            },
            stream,
        )
        stream.flush()
        self._file = stream

    def release(self) -> None:
        """Release the lock if it is held."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None


def _describe(text: str) -> str:
    try:
        holder = json.loads(text)
        return f"{holder['command']} (process {holder['pid']} on {holder['host']})"
    except (ValueError, KeyError, TypeError):
        return "an unknown process"
