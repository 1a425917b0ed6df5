"""Generated secrets of the embedded server, in a file only its owner can read."""

from __future__ import annotations

import json
import secrets
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from rsitmd_tools.atomic import write_json
from rsitmd_tools.errors import RsitmdError

OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """The lead's account on the embedded server; never printed.

    Attributes:
        server: Key of this server, kept when its port changes.
    """

    server: str
    email: str
    password: str
    token: str


def secrets_of(studio: Path) -> Secrets:
    """Read the secrets in a workspace's ``studio/`` folder, or make them.

    Raises:
        RsitmdError: The file is malformed.
    """
    file = studio / "secrets.json"
    if not file.exists():
        made = Secrets(
            server=f"embedded-{uuid.uuid4()}",
            email="lead@rsitmd.example.org",
            password=secrets.token_urlsafe(18),
            token=secrets.token_hex(20),
        )
        studio.mkdir(parents=True, exist_ok=True)
        write_json(file, asdict(made), mode=OWNER_ONLY)
    try:
        return Secrets(**json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise RsitmdError("is malformed", where=file, mend="restore it from a backup") from error
