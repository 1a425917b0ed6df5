"""The ML backend's protocol over HTTP, on loopback: health, setup, predict, webhook.

Any program of this machine, and any page that a browser here shows, can send requests to this
port. So its address holds a secret that the Label Studio server is given; the Host must be this
address, as it is not where a page had its own name resolved to this machine; and a request with
an Origin comes from a page, while the server sends none. What an announcement says is not
believed: it names tasks, and the assist reads them from the server.
"""

from __future__ import annotations

import hmac
import json
import logging
import queue
import secrets
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.studio.assist.announcement import Announcement, read_announcement

HOST = "127.0.0.1"
# How the path of every assist begins: by it the addresses of earlier ones are known.
PREFIX = "/rsitmd-assist-"
MOST_BYTES = 20_000_000
# A connection on which nothing comes is closed, and its thread ends.
IDLE_SECONDS = 60.0
VERSION = f"rsitmd-assist-{__version__}"
log = logging.getLogger(__name__)

# A task, and what the annotator has on the page.
Predict = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


class Backend(ThreadingHTTPServer):
    """Answers the server; what it announces is put into :attr:`events` and done later.

    The server waits for the answer of a webhook before it answers the annotator: so the
    answer is given at once.

    A prediction is made for what an annotator does on the page (the request has a context).
    For the server's own collection there is none: what it stores stands in the field of the
    next annotator, who submits it untouched as their own.

    Args:
        predict: Makes a prediction from a task, as the server sends it, and a context.
        port: The port; 0 for a free one.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, predict: Predict, port: int = 0) -> None:
        self.predict = predict
        self.events: queue.Queue[Announcement] = queue.Queue()
        self.path = PREFIX + secrets.token_urlsafe(32)
        super().__init__((HOST, port), _Handler)

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{HOST}:{self.server_port}"

    @property
    def url(self) -> str:
        """The address to give to the server; it holds the secret and is not printed."""
        return f"http://{self.address}{self.path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what goes wrong with a connection, such as one that is cut off."""
        log.debug("a connection failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: Backend
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1  # head and body in one packet: else the client's delayed ACK costs 40 ms

    def do_GET(self) -> None:
        path = self._allowed()
        if path is None:
            return
        if path in ("", "/health"):
            self._answer(200, {"status": "UP", "model_class": VERSION})
        elif path == "/versions":
            self._answer(200, {"versions": [VERSION]})
        else:
            self._answer(404, {"error": "not found"})

    def do_POST(self) -> None:
        path = self._allowed()
        document = None if path is None else self._body()
        if document is None:
            return
        if path == "/setup":  # holds a token: it is neither used nor logged
            self._answer(200, {"model_version": VERSION})
        elif path == "/webhook":
            announcement = read_announcement(document)
            if announcement is None:
                self._answer(400, {"error": "no announcement"})
                return
            self.server.events.put(announcement)
            self._answer(200, {})
        elif path == "/predict":
            tasks = document.get("tasks")
            if not isinstance(tasks, list) or not all(isinstance(t, dict) for t in tasks):
                self._answer(400, {"error": "tasks is no list of tasks"})
                return
            params = document.get("params")
            context = params.get("context") if isinstance(params, dict) else None
            self._answer(200, {"results": [self._predicted(task, context) for task in tasks]})
        else:
            self._answer(404, {"error": "not found"})

    def _allowed(self) -> str | None:
        """Return the path after the secret; where the request is refused, answer it."""
        host, origin = self.headers.get_all("Host", []), self.headers.get("Origin")
        if origin is not None or host != [self.server.address]:
            self._refuse(403, "forbidden")
            return None
        path = self.path.split("?")[0].rstrip("/")
        base, after = path[: len(self.server.path)], path[len(self.server.path) :]
        known = hmac.compare_digest(_bytes(base), _bytes(self.server.path))
        if not known or not (after == "" or after.startswith("/")):
            self._refuse(404, "not found")
            return None
        return after

    def _refuse(self, status: int, error: str) -> None:
        # The body is not read, so the connection cannot be used again.
        self.close_connection = True
        self._answer(status, {"error": error})

    def _predicted(self, task: dict[str, Any], context: Any) -> dict[str, Any] | list[Any]:
        if not isinstance(context, dict):
            return []
        try:
            return self.server.predict(task, context)
        except Exception:
            # Annotation goes on without a suggestion, whatever a task holds.
            log.warning("no suggestion for a task; --debug says why")
            log.debug("no suggestion", exc_info=True)
            return {"result": [], "score": 0.0, "model_version": VERSION}

    def _body(self) -> dict[str, Any] | None:
        said = self.headers.get("Content-Length", "")
        length = int(said) if said.isascii() and said.isdecimal() and len(said) < 20 else -1
        if not 0 <= length <= MOST_BYTES:
            self._refuse(413 if length > MOST_BYTES else 411, "no fitting length")
            return None
        try:
            document = json.loads(self.rfile.read(length) or b"{}")
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            self._answer(400, {"error": "no JSON object"})
            return None
        return document

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        # Not what was asked for: the path holds the secret.
        log.debug("answered a request")


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogatepass")
