"""Whether the embedded server of a workspace runs, and where."""

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
    """Take the lock of the one server of a workspace; None when it is held.

    The server's process inherits the lock, and the system frees it when its last holder
    ends, however it ends: a server that was killed is never taken for one that runs.

    Args:
        studio: The workspace's folder ``studio/``.
        shared: Only look: those who look do not hinder each other.
    """
    # Who only looks may not be allowed to write here.
    stream = (studio / LOCK).open("r" if shared else "a")
    try:
        fcntl.flock(stream, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    return stream


class Running(NamedTuple):
    """A server that runs.

    Attributes:
        url: Its address on this machine.
        public: The address under which people elsewhere reach it; empty without a proxy.
    """

    url: str
    public: str = ""


def write_state(studio: Path, running: Running) -> None:
    """Say where the server runs, in a file only its owner can read."""
    write_json(studio / STATE, running._asdict(), mode=OWNER_ONLY)


def remove_state(studio: Path) -> None:
    """Take that back; nothing happens where nothing was said."""
    (studio / STATE).unlink(missing_ok=True)


def running_server(studio: Path) -> Running | None:
    """Return where a workspace's server runs, None where it does not run or answer."""
    try:
        probe = take_lock(studio, shared=True)
    except OSError:  # there is none, or it belongs to somebody else
        return None
    if probe is not None:  # nobody holds it
        probe.close()
        return None
    try:
        return Running(**json.loads((studio / STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
