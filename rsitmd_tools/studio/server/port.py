"""Port of the embedded server: chosen once and saved, so that links stay valid."""

from __future__ import annotations

import errno
import random
import socket
from pathlib import Path

from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.studio.server.saved_options import read_option, save_option

HOST = "127.0.0.1"
FILENAME = "port.json"
# Below the ports that Linux uses for outgoing connections (32768 and above): such a connection
# could block the saved port at the next start.
FIRST, LAST = 20_000, 32_767
TRIES = 1_000


def choose_port(studio: Path, requested: int | None) -> int:
    """Return the port to listen on.

    Args:
        studio: The workspace's folder ``studio/``.
        requested: The port that the user requests. Default: the port of the last start, or a free
            port at the first start.

    Raises:
        RsitmdError: Another program uses the port, no port is free, or the record of the
            port is malformed.
    """
    if requested is not None:
        error = _refusal(requested)
        if error is not None:
            used = error.errno == errno.EADDRINUSE
            raise RsitmdError(
                "another program uses this port"
                if used
                else f"this port cannot be used ({reason(error)})",
                where=f"{HOST}:{requested}",
                hint="use another port with --port",
            )
        return requested
    saved = recorded_port(studio)
    if saved is None:
        return _free_port()
    if _refusal(saved) is not None:
        raise RsitmdError(
            "another program uses the port of the last start",
            where=f"{HOST}:{saved}",
            hint="stop that program, or use another port with --port; links with port"
            f" {saved} then stop working",
        )
    return saved


def recorded_port(studio: Path) -> int | None:
    """Return the port of the last start; None before the first one.

    Raises:
        RsitmdError: The file is malformed.
    """
    file = studio / FILENAME
    saved = read_option(file, "port")
    if saved is None:
        return None
    if not (saved.isascii() and saved.isdigit() and 1 <= int(saved) <= 65_535):
        raise RsitmdError("is malformed", where=file, hint="pass the port again with --port")
    return int(saved)


def record_port(studio: Path, port: int) -> None:
    """Save the port for later starts."""
    save_option(studio / FILENAME, "port", str(port))


def _refusal(port: int) -> OSError | None:
    """Return why the system refuses a port; None if it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error
    return None


def _free_port() -> int:
    chosen = random.SystemRandom().sample(range(FIRST, LAST + 1), TRIES)
    for port in chosen:
        if _refusal(port) is None:
            return port
    raise RsitmdError("no port is free", where=HOST, hint="free a port and pass it with --port")
