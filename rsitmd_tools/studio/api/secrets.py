"""Generated secrets of the embedded server, in a file that only its owner can read."""

from __future__ import annotations

import json
import secrets
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from rsitmd_tools.atomic import write_json
from rsitmd_tools.errors import RsitmdError, command_line, reason

FILENAME = "secrets.json"
EMBEDDED = "embedded-"
OWNER_ONLY = 0o600
OWNER_ONLY_FOLDER = 0o700


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """The lead's account on the embedded server; never printed.

    Attributes:
        server: Key of the server; independent of its port.
        email: Address of the account.
        password: Password of the account.
        token: Access token of the account.
    """

    server: str
    email: str
    password: str
    token: str


def private_folder(folder: Path) -> None:
    """Create a folder that only its owner can enter: the server's data contains tokens too.

    Raises:
        RsitmdError: The folder cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(OWNER_ONLY_FOLDER)
    except OSError as error:
        raise RsitmdError(
            f"cannot be created ({reason(error)})",
            where=folder,
            hint="make the parent folder writable",
        ) from error


def make_secrets(studio: Path, server: str | None = None) -> Secrets:
    """Create new secrets and save them in a workspace's ``studio/`` folder.

    Args:
        studio: The folder.
        server: Key of an existing server; a new key by default.
    """
    made = Secrets(
        server=server or f"{EMBEDDED}{uuid.uuid4()}",
        email="lead@rsitmd.example.org",
        password=secrets.token_urlsafe(18),
        token=secrets.token_hex(20),
    )
    private_folder(studio)
    save_secrets(studio, made)
    return made


def secrets_of(studio: Path) -> Secrets:
    """Read the secrets in a workspace's ``studio/`` folder.

    Raises:
        RsitmdError: The file is absent or malformed.
    """
    file = studio / FILENAME
    if not file.exists():
        raise RsitmdError(
            "is missing (it contains the lead's password and token)",
            where=file,
            hint="Restore the file from a backup. Without a backup, stop the server and run: "
            + command_line("annotate", "serve", studio.parent, "--new-secrets"),
        )
    try:
        return Secrets(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise RsitmdError(
            "is unreadable or malformed", where=file, hint="Restore the file from a backup."
        ) from error


def save_secrets(studio: Path, made: Secrets) -> None:
    """Save the secrets in a file that only its owner can read."""
    write_json(studio / FILENAME, asdict(made), mode=OWNER_ONLY)
