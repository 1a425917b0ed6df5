"""Where a workspace's server is, kept in a file that only its owner can read."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from rsitmd_tools.atomic import write_json
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.studio.api.running import running_server
from rsitmd_tools.studio.api.secrets import OWNER_ONLY, private_folder, secrets_of
from rsitmd_tools.workspace import Workspace

LOCAL = "local"
UPLOAD = "upload"


@dataclass(frozen=True, slots=True, repr=False)
class Connection:
    """Where a workspace's server is and how its images get there; holds a secret.

    Attributes:
        key: Names the server in the workspace; does not change with its port.
        url: Where this tool reaches it.
        images: ``local`` (the server reads the folder of renditions), ``upload`` (they are
            sent to it) or a URL prefix under which they lie.
        public: Where people elsewhere reach it; empty where that is ``url`` too.
    """

    key: str
    url: str
    token: str
    images: str = LOCAL
    public: str = ""

    @property
    def page(self) -> str:
        """The address for people: that of links."""
        return self.public or self.url


def connection_of(workspace: Workspace) -> Connection:
    """Return the connection of a workspace: one made by ``connect``, else its own server.

    Raises:
        RsitmdError: There is none; the message says how to get one.
    """
    file = workspace.studio / "connection.json"
    if file.exists():
        try:
            return Connection(**json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise RsitmdError(
                "is malformed", where=file, hint="run `rsitmd annotate connect` again"
            ) from error
    running = running_server(workspace.studio)
    if running is None:
        raise RsitmdError(
            "its Label Studio is not running",
            where=workspace.path,
            hint="start it in another terminal: "
            + shlex.join(["rsitmd", "annotate", "serve", str(workspace.path)]),
        )
    made = secrets_of(workspace.studio)
    return Connection(made.server, running.url, made.token, public=running.public)


def save_connection(workspace: Workspace, connection: Connection) -> None:
    """Keep a connection in a file only its owner can read."""
    private_folder(workspace.studio)
    document = {slot: getattr(connection, slot) for slot in Connection.__slots__}
    write_json(workspace.studio / "connection.json", document, mode=OWNER_ONLY)


def token_from(file: Path) -> str:
    """Read a token from a file.

    Raises:
        RsitmdError: The file is absent or empty.
    """
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=file, hint="put the token alone into it"
        ) from error
    if not token or len(token.split()) != 1:
        raise RsitmdError("holds no token", where=file, hint="put the token alone into it")
    return token
