"""Database of the embedded server: SQLite in the workspace, or PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.studio.server.saved_options import read_option, save_option

FILENAME = "database.json"
PASSWORD = "PGPASSWORD"  # noqa: S105 - the name of PostgreSQL's own variable


def database_environment(
    postgres: str | None, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the environment variables that configure Label Studio's database.

    Args:
        postgres: ``postgresql://USER@HOST:PORT/NAME``; None for SQLite.
        environment: Contains the password as ``PGPASSWORD``, if one is needed.

    Raises:
        WrongUsage: The URL is malformed, or contains the password, which the process list
            would show.
    """
    if postgres is None:
        return {"DJANGO_DB": "sqlite"}
    try:
        parts = urlsplit(postgres)
        port = parts.port or 5432
        password = parts.password
    except ValueError:
        raise _wrong() from None
    name = parts.path.removeprefix("/")
    if parts.scheme not in ("postgres", "postgresql") or not parts.hostname or not name:
        raise _wrong()
    if password is not None:
        raise WrongUsage(
            "the URL of --postgres contains a password, which the process list would show",
            hint=f"remove the password and set {PASSWORD} in the environment",
        )
    return {
        "DJANGO_DB": "default",
        "POSTGRE_NAME": unquote(name),
        "POSTGRE_USER": unquote(parts.username or "postgres"),
        "POSTGRE_PASSWORD": environment.get(PASSWORD, ""),
        "POSTGRE_HOST": parts.hostname,
        "POSTGRE_PORT": str(port),
    }


def recorded_postgres(studio: Path) -> str | None:
    """Return the PostgreSQL URL that a workspace's server uses; None for SQLite.

    Raises:
        RsitmdError: The file is malformed.
    """
    return read_option(studio / FILENAME, "postgres") or None


def record_postgres(studio: Path, postgres: str) -> None:
    """Save the URL for later starts; an empty one stands for SQLite."""
    save_option(studio / FILENAME, "postgres", postgres)


def _wrong() -> WrongUsage:
    return WrongUsage(
        "--postgres is not a PostgreSQL URL",
        hint="use postgresql://USER@HOST:PORT/NAME",
    )
