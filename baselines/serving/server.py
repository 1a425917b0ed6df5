"""The server: one port of 127.0.0.1, until Ctrl-C."""

from __future__ import annotations

import errno
import gc
import socket
from typing import TYPE_CHECKING

from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.imaging.memory import keep_some_memory
from rsitmd_tools.progress import no_progress

if TYPE_CHECKING:
    from fastapi import FastAPI

HOST = "127.0.0.1"
LONGEST_REQUEST = 512 * 1024  # bytes: 10 000 characters have up to 120 000 in an address
SECONDS_TO_FINISH = 5


def listening(port: int) -> socket.socket:
    """Return a socket that listens on a port; a browser that comes early waits.

    Args:
        port: The port; 0 for a free one.

    Raises:
        RsitmdError: Another program uses the port, or it may not be used.
    """
    # Only if the protocol is named, asyncio turns off Nagle's algorithm for the connections. With
    # it, each answer after the first one of a connection takes 40 ms longer.
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # A server that is started again does not wait for the connections of the one before.
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((HOST, port))
        opened.listen()
    except OSError as error:
        opened.close()
        used = error.errno == errno.EADDRINUSE
        raise RsitmdError(
            "another program uses this port" if used else f"cannot be used ({reason(error)})",
            where=f"{HOST}:{port}",
            hint="use another port with --port",
        ) from error
    return opened


def serve(app: FastAPI, opened: socket.socket) -> None:
    """Answer requests until SIGINT or SIGTERM; a request that is under way is finished.

    Raises:
        KeyboardInterrupt: The server was stopped.
    """
    import torch
    import uvicorn

    # Requests are answered side by side. Threads of one query wait for each other by spinning:
    # two of them take four times the processor time of one.
    torch.set_num_threads(1)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=LONGEST_REQUEST,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    # The records of a large dataset live as long as the server. A search for cycles among them
    # would stop all requests for half a second.
    gc.freeze()
    # A query allocates and frees a few megabytes again and again.
    keep_some_memory()
    with no_progress():
        uvicorn.Server(config).run(sockets=[opened])
