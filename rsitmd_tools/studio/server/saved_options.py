"""Options of the embedded server that a restart finds again, each in a file of its own."""

from __future__ import annotations

import json
from pathlib import Path

from rsitmd_tools.atomic import write_json
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.secrets import OWNER_ONLY


def recorded(file: Path, option: str) -> str | None:
    """Return what was recorded of an option; None where nothing was.

    Args:
        file: Its file.
        option: Its name on the command line, without dashes.

    Raises:
        RsitmdError: The file is malformed.
    """
    if not file.exists():
        return None
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))[option])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RsitmdError(
            "is malformed", where=file, hint=f"name it again with --{option}"
        ) from error


def record(file: Path, option: str, value: str) -> None:
    """Keep an option, in a file only its owner can read."""
    write_json(file, {option: value}, mode=OWNER_ONLY)
