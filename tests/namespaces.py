"""Mounts that only one command sees: a small shared memory, a folder that cannot be written."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest


@functools.cache
def _allowed() -> bool:
    command = ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /dev/shm"]
    try:
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except OSError:
        return False


def need_mounts() -> None:
    """Skip the test where a command may not have mounts of its own."""
    if not _allowed():
        pytest.skip("a mount namespace needs root on Linux")


def run_mounted(
    mount: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Run a command in a mount namespace of its own; skip the test where that is not allowed.

    Args:
        mount: A line of shell that mounts something.
        command: The command.
        environment: Its environment; this process's own by default.
        timeout: Seconds after which it counts as hanging.
    """
    need_mounts()
    return subprocess.run(
        ["unshare", "-m", "sh", "-ec", f'{mount}\nexec "$@"', "sh", *command],
        capture_output=True,
        text=True,
        env=environment,
        timeout=timeout,
    )


def shared_memory_of(megabytes: int) -> str:
    """Return the command that mounts a shared memory of this size, as a container has it."""
    return f"mount -t tmpfs -o size={megabytes}m tmpfs /dev/shm"


def read_only(folder: Path) -> str:
    """Return what makes a folder read-only, for root too."""
    return f"mount --bind '{folder}' '{folder}'; mount -o remount,ro,bind '{folder}'"
