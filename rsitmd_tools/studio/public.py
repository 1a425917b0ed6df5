"""The address under which people elsewhere reach the embedded server: a proxy's."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

from rsitmd_tools.atomic import write_json
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.studio.secrets import OWNER_ONLY

FILENAME = "public.json"


def checked_public(url: str) -> str:
    """Return a public address without its last slash.

    Raises:
        WrongUsage: It is none, or has a path or a name and password.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        parts = urlsplit("")
    plain = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise WrongUsage(
            f"--public {url}",
            mend="give the proxy's address alone, such as https://label.example.org",
        )
    return f"{parts.scheme}://{parts.netloc}"


def public_environment(public: str) -> dict[str, str]:
    """Return the server's own settings for its public address; none without one."""
    if not public:
        return {}
    return {"LABEL_STUDIO_HOST": public, "LABEL_STUDIO_CSRF_TRUSTED_ORIGINS": public}


def recorded_public(studio: Path) -> str:
    """Return the public address of a workspace's server, empty where there is none.

    Raises:
        RsitmdError: The file is malformed.
    """
    file = studio / FILENAME
    if not file.exists():
        return ""
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["public"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RsitmdError(
            "is malformed", where=file, mend="name the address again with --public"
        ) from error


def record_public(studio: Path, public: str) -> None:
    """Keep the address, so that a restart answers under it again."""
    write_json(studio / FILENAME, {"public": public}, mode=OWNER_ONLY)
