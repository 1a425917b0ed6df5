"""HTTP sessions to a Label Studio server."""

from __future__ import annotations

import ipaddress
import ssl
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from rsitmd_tools.errors import RsitmdError

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


def web_url(url: str) -> SplitResult | None:
    """Parse an http or https URL without the space around it; return None if it is malformed."""
    try:
        parts = urlsplit(url.strip())
        parts.port  # noqa: B018 - raises if it is not a number
    except ValueError:
        return None
    whole = bool(parts.hostname) and len(url.split()) == 1
    return parts if whole and parts.scheme in ("http", "https") else None


def refuse_redirect(url: str, answer: httpx.Response) -> None:
    """Refuse a redirect of a server to another address, as from http to https.

    A POST request would be repeated there as a GET request, which creates nothing.

    Args:
        url: The URL of the server that the user gave.
        answer: An answer of the server.

    Raises:
        RsitmdError: The answer is such a redirect.
    """
    if not answer.has_redirect_location:
        return
    target = answer.url.join(answer.headers["Location"])
    if (target.scheme, target.netloc) != (answer.url.scheme, answer.url.netloc):
        raise RsitmdError(
            "the server redirects to another address",
            where=url,
            hint=f"connect with --url {target.scheme}://{target.netloc.decode()}{urlsplit(url).path}",
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
