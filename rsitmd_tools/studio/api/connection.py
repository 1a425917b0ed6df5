"""Connection of a workspace to its server, stored in a file that only its owner can read."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from rsitmd_tools.atomic import write_json
from rsitmd_tools.errors import RsitmdError, WrongUsage, command_line, reason
from rsitmd_tools.studio.api.http import web_url
from rsitmd_tools.studio.api.running import running_server
from rsitmd_tools.studio.api.secrets import OWNER_ONLY, private_folder, secrets_of
from rsitmd_tools.workspace import Workspace

CONNECTION = "connection.json"
LOCAL = "local"
UPLOAD = "upload"
OPTIONS = ("--url", "URL", "--token-file", "FILE")  # of `connect`, in hints


@dataclass(frozen=True, slots=True, repr=False)
class Connection:
    """Address of a workspace's server and how it reads the images; contains a secret.

    Attributes:
        key: Identifies the server in the workspace; independent of its port.
        url: URL that this tool uses.
        token: Access token of the lead's account.
        images: ``local`` (the server reads the folder of renditions), ``upload`` (images are
            uploaded) or the URL prefix of the images.
        public: URL that annotators use; empty if it is the same as ``url``.
    """

    key: str
    url: str
    token: str
    images: str = LOCAL
    public: str = ""

    @property
    def page(self) -> str:
        """The base URL of links for annotators."""
        return self.public or self.url


def checked_url(url: str) -> str:
    """Return the URL of a server without a slash at its end and without the space around it.

    Raises:
        WrongUsage: The URL is malformed, or has a query or a fragment.
    """
    parts = web_url(url)
    if parts is None or parts.query or parts.fragment:
        raise WrongUsage(
            "not the URL of a server",
            where=f"--url {url}",
            hint="use a full URL, with http:// or https://, such as https://label.example.org",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def connection_of(workspace: Workspace) -> Connection:
    """Return the connection of a workspace: that of ``connect``, else its own server.

    Raises:
        RsitmdError: There is no connection, and the workspace's own server is not running, or runs
            in a folder that was moved since.
    """
    file = _file(workspace)
    if file.exists():
        try:
            connection = Connection(**json.loads(file.read_text(encoding="utf-8")))
            if not re.fullmatch("[!-~]+", connection.token):
                raise ValueError("the token has other characters than a header can have")
            return connection
        except (ValueError, TypeError) as error:
            raise RsitmdError(
                "is malformed",
                where=file,
                hint="to connect again, run: "
                + command_line("annotate", "connect", workspace.path, *OPTIONS),
            ) from error
    running = running_server(workspace.studio)
    if running is None:
        raise RsitmdError(
            "Label Studio is not running for this workspace",
            where=workspace.path,
            hint="to start it, run in another terminal: "
            + command_line("annotate", "serve", workspace.path),
        )
    if running.folder and not _is_same(Path(running.folder), workspace.path):
        # The server reads and writes its files by the former path.
        raise RsitmdError(
            f"the workspace was moved from {running.folder} while its server runs",
            where=workspace.path,
            hint="stop `rsitmd annotate serve`, and start it again with: "
            + command_line("annotate", "serve", workspace.path),
        )
    made = secrets_of(workspace.studio)
    return Connection(made.server, running.url, made.token, public=running.public)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def uses_own_server(workspace: Workspace) -> bool:
    """Return whether the workspace uses the server of ``annotate serve``."""
    return not is_connected(workspace.studio)


def is_connected(studio: Path) -> bool:
    """Return whether a workspace's folder ``studio/`` has a connection to another server."""
    return (studio / CONNECTION).exists()


def _file(workspace: Workspace) -> Path:
    return workspace.studio / CONNECTION


def save_connection(workspace: Workspace, connection: Connection) -> None:
    """Save a connection in a file that only its owner can read."""
    private_folder(workspace.studio)
    document = {slot: getattr(connection, slot) for slot in Connection.__slots__}
    write_json(_file(workspace), document, mode=OWNER_ONLY)


def forget_connection(workspace: Workspace) -> bool:
    """Remove the connection to another server; return whether there was one."""
    there = _file(workspace).exists()
    _file(workspace).unlink(missing_ok=True)
    return there


def token_from(file: Path) -> str:
    """Read a token from a file.

    Raises:
        RsitmdError: The file is absent or empty.
    """
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})",
            where=file,
            hint="use a text file that contains only the token",
        ) from error
    if not token or len(token.split()) != 1:
        raise RsitmdError(
            "does not contain a token",
            where=file,
            hint="use a text file that contains only the token",
        )
    return token
