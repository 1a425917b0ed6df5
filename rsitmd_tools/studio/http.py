"""HTTP sessions to a Label Studio server."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx

# Twenty people at once make the server answer in five seconds at worst: wait much longer.
TIMEOUT_SECONDS = 60.0


def open_session(url: str, timeout: float = TIMEOUT_SECONDS) -> httpx.Client:
    """Return a session whose relative addresses start at ``url``; close it after use.

    A server on this machine is spoken to directly, whatever proxy the environment names.
    """
    import httpx

    return httpx.Client(
        base_url=url, timeout=timeout, follow_redirects=True, trust_env=not is_loopback(url)
    )


def is_loopback(url: str) -> bool:
    """Say whether an address names this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
