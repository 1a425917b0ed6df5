"""A server's API: the SDK, with errors in one line and retries where they are safe."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rsitmd_tools.atomic import write_json
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.extras import require
from rsitmd_tools.studio.secrets import OWNER_ONLY, secrets_of
from rsitmd_tools.studio.server import running_server
from rsitmd_tools.workspace import Workspace

T = TypeVar("T")
TIMEOUT_SECONDS = 60.0
PAUSES = (0.5, 2.0, 5.0)
RETRIED = {429, 502, 503, 504}


@dataclass(frozen=True, slots=True, repr=False)
class Connection:
    """Where a workspace's server is and how its images get there; holds a secret.

    Attributes:
        key: Names the server in the workspace; does not change with its port.
        images: ``local`` (the server reads the folder of renditions) or a URL prefix.
    """

    key: str
    url: str
    token: str
    images: str = "local"


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
                "is malformed", where=file, mend="run `rsitmd annotate connect` again"
            ) from error
    url = running_server(workspace.studio)
    if url is None:
        raise RsitmdError(
            "its Label Studio is not running",
            where=workspace.path,
            mend=f"start it in another terminal: rsitmd annotate serve {workspace.path}",
        )
    made = secrets_of(workspace.studio)
    return Connection(made.server, url, made.token)


def save_connection(workspace: Workspace, connection: Connection) -> None:
    """Keep a connection in a file only its owner can read."""
    workspace.studio.mkdir(exist_ok=True)
    document = {slot: getattr(connection, slot) for slot in Connection.__slots__}
    write_json(workspace.studio / "connection.json", document, mode=OWNER_ONLY)


class Client:
    """The calls this tool makes of a Label Studio server."""

    def __init__(self, connection: Connection) -> None:
        require("label_studio_sdk")
        from label_studio_sdk import LabelStudio

        self.connection = connection
        self.sdk = LabelStudio(
            base_url=connection.url, api_key=connection.token, timeout=TIMEOUT_SECONDS
        )

    def call(self, function: Callable[..., T], *, safe: bool = True, **arguments: Any) -> T:
        """Call the SDK.

        Args:
            function: A method of the SDK.
            safe: Whether the call may be sent again after a passing fault. A call that
                makes something is not: its caller looks before it sends again.
            arguments: Passed on.

        Raises:
            RsitmdError: The server is unreachable or refuses; the reason, never the token.
        """
        import httpx
        from label_studio_sdk.core.api_error import ApiError

        for pause in (*PAUSES, None) if safe else (None,):
            try:
                return function(**arguments)
            except ApiError as error:
                if pause is None or error.status_code not in RETRIED:
                    raise self._refused(error) from None
            except httpx.ConnectError:
                raise RsitmdError(
                    "no Label Studio answers", where=self.connection.url, mend="start the server"
                ) from None
            except httpx.HTTPError as error:
                if pause is None:
                    raise RsitmdError(
                        f"the connection failed ({type(error).__name__})",
                        where=self.connection.url,
                        mend="run the same command again when the server answers",
                    ) from None
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def pages(self, project: int, since: str | None, size: int = 200) -> Iterator[list[Any]]:
        """Yield tasks with their annotations, page by page, in the order of their ids.

        Args:
            project: The project's number on the server.
            since: Only tasks changed after this time (ISO 8601); None for all.
            size: Tasks a page.
        """
        query: dict[str, Any] = {"ordering": ["tasks:id"]}
        if since is not None:
            query["filters"] = {
                "conjunction": "and",
                "items": [
                    {
                        "filter": "filter:tasks:updated_at",
                        "operator": "greater",
                        "type": "Datetime",
                        "value": since,
                    }
                ],
            }
        number = 1
        while True:
            page = self.call(
                self.sdk.tasks.list,
                project=project,
                fields="all",
                query=json.dumps(query),
                page=number,
                page_size=size,
            )
            items = list(page.items or [])
            if items:
                yield items
            if len(items) < size:
                return
            number += 1

    def users(self) -> dict[int, tuple[str, str]]:
        """Return ``(email, name)`` of every user by number."""
        return {
            user.id: (user.email, f"{user.first_name or ''} {user.last_name or ''}".strip())
            for user in self.call(self.sdk.users.list)
        }

    def check(self) -> str:
        """Check address and token; return the server's version."""
        self.call(self.sdk.users.whoami)
        version = self.call(self.sdk.versions.get)
        return str(version.release)

    def _refused(self, error: Any) -> RsitmdError:
        if error.status_code == 401:
            return RsitmdError(
                "the server refuses the token",
                where=self.connection.url,
                mend="copy it again from the server's page Account & Settings",
            )
        body = error.body if isinstance(error.body, dict) else {}
        detail = body.get("validation_errors") or body.get("detail") or "no reason given"
        return RsitmdError(
            f"the server answers {error.status_code}: {detail}",
            where=self.connection.url,
            mend="mend that, or look into the server's log",
        )


def token_from(file: Path) -> str:
    """Read a token from a file.

    Raises:
        RsitmdError: The file is absent or empty.
    """
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RsitmdError("cannot be read", where=file, mend="put the token into it") from error
    if not token or len(token.split()) != 1:
        raise RsitmdError("holds no token", where=file, mend="put the token alone into it")
    return token
