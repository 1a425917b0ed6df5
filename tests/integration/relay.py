"""A relay between the tool and the server that spoils some answers."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable


class Relay:
    """A relay to the server that spoils some answers; what it passes on is real.

    Attributes:
        spoil: Given method, path and the count of requests, says what to do with a request:
            None, ``cut`` (passed on, half of the answer is dropped), ``short`` (passed on, the
            last byte of the answer is dropped), ``late`` (passed on, but the answer comes when
            the client has given up), ``held`` (passed on when the client has given up), or a
            status to answer instead.
        seen: ``(method, path)`` of every request.
        finished: How many of them are dealt with, whether their client waited or not.
    """

    def __init__(self, target: str) -> None:
        host, port = target.removeprefix("http://").split(":")
        self._target = (host, int(port))
        self.spoil: Callable[[str, str, int], str | int | None] = lambda method, path, count: None
        self.seen: list[tuple[str, str]] = []
        self.finished = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ValueError):
            request = _read_message(connection)
            method, path, _ = request.split(b" ", 2)
            self.seen.append((method.decode(), path.decode()))
            order = self.spoil(method.decode(), path.decode(), len(self.seen))
            try:
                self._pass_on(connection, request, order)
            finally:
                self.finished += 1

    def _pass_on(self, connection: socket.socket, request: bytes, order: str | int | None) -> None:
        if isinstance(order, int):
            head = f"HTTP/1.1 {order} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode())
            return
        if order == "held":
            _await_end(connection)
            time.sleep(1)
        with socket.create_connection(self._target) as server:
            server.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            answer = b"".join(iter(lambda: server.recv(65536), b""))
        answer = answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        if order == "late":
            _await_end(connection)
        length = {"cut": len(answer) // 2, "short": len(answer) - 1}.get(str(order), len(answer))
        connection.sendall(answer[:length])


def _read_message(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or _end()
    head, _, body = data.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    length = next(
        (int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:")),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536) or _end()
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _await_end(connection: socket.socket) -> None:
    """Wait until the client has closed its side."""
    with contextlib.suppress(ConnectionError):
        connection.recv(1)


def _end() -> bytes:
    raise ValueError("the connection ended early")
