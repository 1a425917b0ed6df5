"""Whether the embedded server of a workspace runs, and where."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path
from typing import IO

from rsitmd_tools.atomic import write_json
from rsitmd_tools.studio.secrets import OWNER_ONLY

STATE = "server.json"
LOCK = ".server.lock"


def take_lock(studio: Path, *, shared: bool = False) -> IO[str] | None:
    """Take the lock of the one server of a workspace; None when it is held.

    The server's process inherits the lock, and the system frees it when its last holder
    ends, however it ends: a server that was killed is never taken for one that runs.

    Args:
        studio: The workspace's folder ``studio/``.
        shared: Only look: those who look do not hinder each other.
    """
    stream = (studio / LOCK).open("a")
    try:
        fcntl.flock(stream, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    return stream


def write_state(studio: Path, url: str) -> None:
    """Say where the server runs, in a file only its owner can read."""
    write_json(studio / STATE, {"url": url}, mode=OWNER_ONLY)


def remove_state(studio: Path) -> None:
    """Take that back; nothing happens where nothing was said."""
    (studio / STATE).unlink(missing_ok=True)


def running_server(studio: Path) -> str | None:
    """Return the address of a workspace's server where it runs and answers, else None."""
    if not (studio / LOCK).exists():
        return None
    probe = take_lock(studio, shared=True)
    if probe is not None:  # nobody holds it
        probe.close()
        return None
    try:
        return str(json.loads((studio / STATE).read_text(encoding="utf-8"))["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
