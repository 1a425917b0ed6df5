"""The ML backend protocol over HTTP, on loopback: health, setup, predict, webhook.

Every program on this machine, and every page in a browser on it, can send requests to this port.
Three checks protect it. The path contains a secret that only the Label Studio server knows. The
Host header must be this address, which stops DNS rebinding. Requests with an Origin header are
refused, because they come from web pages; the server sends none. The content of webhook events is
not trusted: events only name tasks, and the assist reads those from the server.
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
# Prefix of the path of every assist, which identifies the URLs of earlier runs.
PREFIX = "/rsitmd-assist-"
MAX_BYTES = 20_000_000
# Idle connections are closed, and their threads end.
IDLE_SECONDS = 60.0
VERSION = f"rsitmd-assist-{__version__}"
log = logging.getLogger(__name__)

# Takes a task and the annotator's current input.
Predict = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


class Backend(ThreadingHTTPServer):
    """HTTP server of the ML backend; puts webhook events into :attr:`events` for later processing.

    Label Studio waits for the answer of a webhook before it answers the annotator, so the answer
    is sent immediately.

    Predictions are made only for requests with a context, which come from an annotator's page.
    Requests without a context get none: Label Studio would store the prediction and prefill the
    field of the next annotator, who could submit it unchanged as their own text.

    Args:
        predict: Returns a prediction for a task, as sent by the server, and a context.
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
        """The URL for the server; it contains the secret and must not be printed."""
        return f"http://{self.address}{self.path}"

    def stop(self) -> None:
        """Stop answering, and refuse connections.

        A connection to an open port that nobody answers would hold back the server, which asks for
        keywords while it answers an annotator or the assist itself, for a minute.
        """
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log connection errors, such as a closed connection."""
        log.debug("a connection failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: Backend
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1  # header and body in one packet: otherwise the client's delayed ACK costs 40 ms

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
        if path == "/setup":  # contains a token, which is neither used nor logged
            self._answer(200, {"model_version": VERSION})
        elif path == "/webhook":
            announcement = read_announcement(document)
            if announcement is None:
                self._answer(400, {"error": "not a webhook event"})
                return
            self.server.events.put(announcement)
            self._answer(200, {})
        elif path == "/predict":
            tasks = document.get("tasks")
            if not isinstance(tasks, list) or not all(isinstance(t, dict) for t in tasks):
                self._answer(400, {"error": "'tasks' must be a list of objects"})
                return
            params = document.get("params")
            context = params.get("context") if isinstance(params, dict) else None
            self._answer(200, {"results": [self._predicted(task, context) for task in tasks]})
        else:
            self._answer(404, {"error": "not found"})

    def _allowed(self) -> str | None:
        """Return the path after the secret; answer and return None if the request is refused."""
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
        # The body was not read, so the connection cannot be reused.
        self.close_connection = True
        self._answer(status, {"error": error})

    def _predicted(self, task: dict[str, Any], context: Any) -> dict[str, Any] | list[Any]:
        if not isinstance(context, dict):
            return []
        try:
            return self.server.predict(task, context)
        except Exception:
            # Annotators can work without a suggestion, whatever the task contains.
            log.warning("no keywords suggested for a task; use --debug for details")
            log.debug("no suggestion", exc_info=True)
            return {"result": [], "score": 0.0, "model_version": VERSION}

    def _body(self) -> dict[str, Any] | None:
        header = self.headers.get("Content-Length", "")
        length = int(header) if header.isascii() and header.isdecimal() and len(header) < 20 else -1
        if not 0 <= length <= MAX_BYTES:
            self._refuse(413 if length > MAX_BYTES else 411, "missing or invalid Content-Length")
            return None
        try:
            document = json.loads(self.rfile.read(length) or b"{}")
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            self._answer(400, {"error": "body must be a JSON object"})
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
        # Do not log the path: it contains the secret.
        log.debug("answered a request")


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogatepass")
