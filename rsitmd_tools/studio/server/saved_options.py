"""Options of the embedded server that are saved for later starts, one file per option."""

from __future__ import annotations

import json
from pathlib import Path

from rsitmd_tools.atomic import write_json
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.secrets import OWNER_ONLY


def read_option(file: Path, option: str) -> str | None:
    """Return the saved value of an option; None if it was not saved.

    Args:
        file: File of the option.
        option: Name on the command line, without dashes.

    Raises:
        RsitmdError: The file is malformed.
    """
    if not file.exists():
        return None
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))[option])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RsitmdError(
            "is malformed", where=file, hint=f"pass the value again with --{option}"
        ) from error


def save_option(file: Path, option: str, value: str) -> None:
    """Save the value of an option in a file that only its owner can read."""
    write_json(file, {option: value}, mode=OWNER_ONLY)
