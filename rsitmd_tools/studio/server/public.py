"""The address under which people elsewhere reach the embedded server: a proxy's."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.studio.server.saved_options import record, recorded

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
            hint="give the proxy's address alone, such as https://label.example.org",
        )
    return f"{parts.scheme}://{parts.netloc}"


def public_environment(public: str) -> dict[str, str]:
    """Return the server's own settings for its addresses.

    A request for another host is refused: a web page elsewhere can have its own name resolved
    to this machine, and its scripts would then talk to the server as to their own.
    """
    hosts = ["127.0.0.1", "localhost"]
    if not public:
        return {"LABEL_STUDIO_ALLOWED_HOSTS": ",".join(hosts)}
    name = urlsplit(public).hostname or ""
    hosts.append(f"[{name}]" if ":" in name else name)
    return {
        "LABEL_STUDIO_ALLOWED_HOSTS": ",".join(hosts),
        "LABEL_STUDIO_HOST": public,
        "LABEL_STUDIO_CSRF_TRUSTED_ORIGINS": public,
    }


def recorded_public(studio: Path) -> str:
    """Return the public address of a workspace's server, empty where there is none.

    Raises:
        RsitmdError: The file is malformed.
    """
    return recorded(studio / FILENAME, "public") or ""


def record_public(studio: Path, public: str) -> None:
    """Keep the address, so that a restart answers under it again."""
    record(studio / FILENAME, "public", public)
