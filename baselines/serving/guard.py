"""Which requests are answered, and the headers of all answers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from rsitmd_tools.errors import printable

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

# Scripts, styles and pictures come from the server itself, and nothing is inline.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
MOST_LOGGED = 200  # characters of a path
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Refuses requests for other hosts and from other origins, and adds headers to answers.

    A page of another site cannot read the server through a name that it points to 127.0.0.1,
    because the Host header then has that name. Its scripts, frames and pictures cannot ask the
    server either: browsers say that such a request is from another site. A link from another
    site is followed.

    Args:
        app: The application.
        port: The port of the server.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        names = ("127.0.0.1", "localhost")
        self._hosts = {f"{name}:{port}" for name in names} | ({*names} if port == 80 else set())
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        refused = self.refusal(Headers(scope=scope))
        if refused is not None:
            status, reason = refused
            await PlainTextResponse(f"{reason}\n", status)(scope, receive, sending)
            return
        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            logger.debug("a request failed", exc_info=True)
            what = f"{scope['path'][:MOST_LOGGED]}: unexpected {type(error).__name__}: {error}"
            logger.error("%s", printable(what))
            if begun:
                raise
            text = "unexpected error; start the server with --debug and repeat the request\n"
            await PlainTextResponse(text, 500)(scope, receive, sending)

    def refusal(self, headers: Headers) -> tuple[int, str] | None:
        """Return the status and the reason if a request is refused, otherwise None."""
        if headers.get("host", "") not in self._hosts:
            return 400, "the Host header names another server; open 127.0.0.1 or localhost"
        origin = headers.get("origin")
        if origin is not None and origin not in self._origins:
            return 403, "the request is from another origin"
        site = headers.get("sec-fetch-site", "none")
        followed = (
            headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest") == "document"
        )
        if site not in ("none", "same-origin") and not followed:
            return 403, "the request is from another site"
        return None
