"""The command line in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def command_line(*arguments: object) -> list[str]:
    """Return a call of the command, for a process that a test starts itself."""
    return [sys.executable, "-m", "rsitmd_tools", *map(str, arguments)]


def rsitmd(
    *arguments: object, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, with more variables of its environment."""
    return subprocess.run(
        command_line(*arguments),
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **(environment or {})},
    )
