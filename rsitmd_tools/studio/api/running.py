"""State of the embedded server of a workspace: whether it runs, and its URL."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path
from typing import IO, NamedTuple

from rsitmd_tools.atomic import write_json
from rsitmd_tools.studio.api.secrets import OWNER_ONLY

STATE = "server.json"
LOCK = ".server.lock"


def take_lock(studio: Path, *, shared: bool = False) -> IO[str] | None:
    """Take the lock for the server of a workspace; return None if another process holds it.

    The server's process inherits the lock. The system releases it when the last process that
    holds it ends, even if it is killed, so the lock shows whether the server runs.

    Args:
        studio: The workspace's folder ``studio/``.
        shared: Take a shared lock, only to test whether the server runs.
    """
    # A reader may not have write permission here.
    stream = (studio / LOCK).open("r" if shared else "a")
    try:
        fcntl.flock(stream, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    return stream


class Running(NamedTuple):
    """A running server.

    Attributes:
        url: URL on this machine.
        public: URL that annotators use; empty without a proxy.
        folder: The workspace when the server was started; empty if an earlier version started it.
    """

    url: str
    public: str = ""
    folder: str = ""


def write_state(studio: Path, running: Running) -> None:
    """Record the URLs of the server in a file that only its owner can read."""
    write_json(studio / STATE, running._asdict(), mode=OWNER_ONLY)


def remove_state(studio: Path) -> None:
    """Remove the record, if it exists."""
    (studio / STATE).unlink(missing_ok=True)


def running_server(studio: Path) -> Running | None:
    """Return the running server of a workspace; None if it is not running."""
    try:
        probe = take_lock(studio, shared=True)
    except OSError:  # no lock file, or it belongs to another user
        return None
    if probe is not None:  # no process holds it
        probe.close()
        return None
    try:
        return Running(**json.loads((studio / STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
