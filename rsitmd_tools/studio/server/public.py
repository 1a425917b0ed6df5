"""Public URL of the embedded server: the URL of a proxy that annotators use."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.studio.api.http import web_url
from rsitmd_tools.studio.server.saved_options import read_option, save_option

FILENAME = "public.json"
DEFAULT_PORTS = {"http": 80, "https": 443}


def checked_public(url: str) -> str:
    """Return a public URL as browsers send it: in lower case, without slash and default port.

    Label Studio refuses the forms of a page whose URL is written in another way.

    Raises:
        WrongUsage: The URL is malformed, or has a path, a user name or a password.
    """
    parts = web_url(url)
    if (
        parts is None
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise WrongUsage(
            "not a valid public URL",
            where=f"--public {url}",
            hint="use the URL of the proxy without a path, such as https://label.example.org",
        )
    host = parts.netloc.lower()
    if parts.port in (None, DEFAULT_PORTS[parts.scheme]):
        host = host.removesuffix(f":{parts.port or ''}")
    return f"{parts.scheme}://{host}"


def public_environment(public: str) -> dict[str, str]:
    """Return the environment variables that configure Label Studio's URLs.

    Requests for other host names are refused. Otherwise, a foreign web page could let its own
    host name resolve to this machine (DNS rebinding), and its scripts could use the server.
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
    """Return the public URL of a workspace's server; empty if none was set.

    Raises:
        RsitmdError: The file is malformed.
    """
    return read_option(studio / FILENAME, "public") or ""


def record_public(studio: Path, public: str) -> None:
    """Save the URL for later starts."""
    save_option(studio / FILENAME, "public", public)
