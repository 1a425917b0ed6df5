"""HTTP sessions to a Label Studio server."""

from __future__ import annotations

import ipaddress
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx

# With twenty annotators at once the server needs up to five seconds: wait much longer.
TIMEOUT_SECONDS = 60.0


def open_session(url: str, timeout: float | None = None) -> httpx.Client:
    """Return a session with the base URL ``url``; close it after use.

    Requests to a server on this machine ignore proxies set in the environment.

    Args:
        url: URL of the server.
        timeout: Time-out in seconds; ``TIMEOUT_SECONDS`` by default.
    """
    import httpx

    return httpx.Client(
        base_url=url,
        timeout=TIMEOUT_SECONDS if timeout is None else timeout,
        follow_redirects=True,
        trust_env=not is_loopback(url),
    )


def is_loopback(url: str) -> bool:
    """Return whether a URL points to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def tls_failure(error: BaseException) -> str | None:
    """Return why the TLS handshake failed; None for another error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return getattr(cause, "verify_message", "") or str(cause.reason or cause)
        cause = cause.__cause__ or cause.__context__
    return None
