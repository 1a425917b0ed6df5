"""Wait for what a started command does, and for its end."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path


def await_files(started: subprocess.Popen[bytes], workspace: Path, count: int) -> None:
    """Wait until an ingest has written ``count`` files."""
    while sum(1 for _ in (workspace / "images").iterdir()) < count:
        assert started.poll() is None, "it ended before it could be stopped"
        time.sleep(0.001)


def alive(group: int) -> list[str]:
    """Return the states of processes of a group that still run."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = status.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state != "Z":
            found.append(str(status))
    return found


def await_end(group: int) -> None:
    """Wait until no process of an ingest runs any more."""
    until = time.monotonic() + 30
    while alive(group):
        assert time.monotonic() < until, "workers outlive their ingest"
        time.sleep(0.05)
