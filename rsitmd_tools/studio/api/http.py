"""HTTP sessions to a Label Studio server."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx

# Twenty people at once make the server answer in five seconds at worst: wait much longer.
TIMEOUT_SECONDS = 60.0


def open_session(url: str, timeout: float | None = None) -> httpx.Client:
    """Return a session whose relative addresses start at ``url``; close it after use.

    A server on this machine is spoken to directly, whatever proxy the environment names.

    Args:
        url: The server.
        timeout: How long to wait for an answer, in seconds; ``TIMEOUT_SECONDS`` by default.
    """
    import httpx

    return httpx.Client(
        base_url=url,
        timeout=TIMEOUT_SECONDS if timeout is None else timeout,
        follow_redirects=True,
        trust_env=not is_loopback(url),
    )


def is_loopback(url: str) -> bool:
    """Say whether an address names this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
