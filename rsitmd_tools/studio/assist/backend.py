"""The ML backend's protocol over HTTP, on loopback: health, setup, predict, webhook."""

from __future__ import annotations

import json
import logging
import queue
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rsitmd_tools import __version__

HOST = "127.0.0.1"
MOST_BYTES = 20_000_000
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
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        super().__init__((HOST, port), _Handler)

    @property
    def url(self) -> str:
        """The address to give to the server."""
        return f"http://{HOST}:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Backend
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: else the client's delayed ACK costs 40 ms

    def do_GET(self) -> None:
        if self.path.rstrip("/") in ("", "/health"):
            self._answer(200, {"status": "UP", "model_class": VERSION})
        elif self.path.startswith("/versions"):
            self._answer(200, {"versions": [VERSION]})
        else:
            self._answer(404, {"error": "not found"})

    def do_POST(self) -> None:
        document = self._body()
        if document is None:
            return
        path = self.path.split("?")[0].rstrip("/")
        if path == "/setup":  # holds a token: it is neither used nor logged
            self._answer(200, {"model_version": VERSION})
        elif path == "/webhook":
            self.server.events.put(document)
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

    def _predicted(self, task: dict[str, Any], context: Any) -> dict[str, Any] | list[Any]:
        if not isinstance(context, dict):
            return []
        try:
            return self.server.predict(task, context)
        except Exception:
            # Annotation goes on without a suggestion, whatever a task holds.
            log.exception("no suggestion for task %s", task.get("id"))
            return {"result": [], "score": 0.0, "model_version": VERSION}

    def _body(self) -> dict[str, Any] | None:
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            length = -1
        if not 0 <= length <= MOST_BYTES:
            self.close_connection = True
            self._answer(413 if length > MOST_BYTES else 411, {"error": "no fitting length"})
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
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        log.debug(format, *args)
