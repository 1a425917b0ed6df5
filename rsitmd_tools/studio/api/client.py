"""Client of the server's API: the SDK, with one-line errors and safe retries."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.extras import require
from rsitmd_tools.studio.api import http
from rsitmd_tools.studio.api.connection import Connection
from rsitmd_tools.studio.api.secrets import EMBEDDED

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
PAUSES = (0.5, 2.0, 5.0)
TOO_MANY_REQUESTS = 429
CHUNK = 300  # task numbers in one URL: proxies accept about 8000 characters
# Server versions (major.minor) that this tool was tested with.
KNOWN_VERSIONS = ("1.23",)


class Refused(RsitmdError):
    """The server answered with an error.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, what: str, *, status: int, where: str, hint: str) -> None:
        super().__init__(what, where=where, hint=hint)
        self.status = status


class Unanswered(RsitmdError):
    """The server did not answer in time; it may still complete the request."""


class Account(NamedTuple):
    """An account on the server; ``joined`` is its creation time by the server's clock."""

    email: str
    name: str
    joined: str


class Client:
    """The calls that this tool makes to a Label Studio server.

    Attributes:
        connection: The server.
        sdk: The SDK's client.
        ahead: Seconds by which the clock of the server was ahead of this computer's at the last
            answer; None if the server did not send its time.
    """

    def __init__(self, connection: Connection) -> None:
        require("label_studio_sdk")
        from label_studio_sdk import LabelStudio
        from label_studio_sdk.core.api_error import ApiError

        self.connection = connection
        self.ahead: float | None = None
        session = http.open_session(connection.url)
        session.event_hooks["response"] += [
            self._read_clock,
            partial(http.refuse_redirect, connection.url),
        ]
        make: Any = LabelStudio  # its signature is untyped
        try:
            # No retries by the SDK: after a lost answer it would repeat a request that creates
            # something, and so create it twice.
            self.sdk: Any = make(
                base_url=connection.url,
                api_key=connection.token,
                max_retries=0,
                httpx_client=session,
            )
        except ApiError as error:  # an expired personal token
            raise self._refused(error) from None

    def call(self, function: Callable[..., T], *, safe: bool = True, **arguments: Any) -> T:
        """Call the SDK.

        Args:
            function: A method of the SDK.
            safe: Whether the call may be repeated after a temporary error. Calls that create
                something are not safe: their callers check before they repeat them.
            arguments: Arguments of the method.

        Raises:
            RsitmdError: The server is unreachable or refuses. The message never has the token.
        """
        import httpx
        from label_studio_sdk.core.api_error import ApiError

        for pause in (*PAUSES, None):
            try:
                return function(**arguments)
            except ApiError as error:
                if pause is None or not _is_temporary(error.status_code, safe):
                    raise self._refused(error) from None
            except (httpx.ConnectError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                failure = http.tls_failure(error)
                if failure is not None:
                    raise RsitmdError(
                        f"no HTTPS connection ({failure})",
                        where=self.connection.url,
                        hint="use http:// if the server has no HTTPS; otherwise, use a certificate"
                        " that this computer trusts",
                    ) from None
                raise RsitmdError(
                    "Label Studio does not answer",
                    where=self.connection.url,
                    hint="start the server",
                ) from None
            except httpx.HTTPError as error:
                if pause is None or not safe:
                    late = isinstance(error, httpx.ReadTimeout)
                    raise (Unanswered if late else RsitmdError)(
                        f"the connection failed ({type(error).__name__})",
                        where=self.connection.url,
                        hint="run the same command again when the server answers",
                    ) from None
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def make(self, function: Callable[[], T], look: Callable[[], T | None]) -> T:
        """Create something on the server; if the answer does not arrive in time, look for it.

        The server may still complete the request, and a second request would create a duplicate.
        So this looks for the created object, for at most the time-out of an answer.

        Args:
            function: Sends the request.
            look: Returns the created object; None if it does not exist yet.

        Raises:
            RsitmdError: As :meth:`call`.
        """
        try:
            return self.call(function, safe=False)
        except Unanswered:
            until = time.monotonic() + http.TIMEOUT_SECONDS
            while (made := look()) is None:
                if time.monotonic() > until:
                    raise
                time.sleep(PAUSES[0])
            return made

    def pages(
        self,
        project: int,
        *,
        since: str | None = None,
        only: Sequence[int] | None = None,
        annotations: bool = True,
        size: int = 200,
    ) -> Iterator[list[Any]]:
        """Yield the tasks of a project, page by page, in the order of their numbers.

        Each page contains the tasks after the last one seen. Pages by offset would skip a task if
        an earlier task is deleted in the meantime.

        Args:
            project: The project's number on the server.
            since: Only tasks that changed after this time (ISO 8601); None for all.
            only: Only the tasks with these numbers, in this order; None for all.
            annotations: Whether the tasks include their annotations.
            size: Tasks per page; the server may send fewer.
        """
        changed = [] if since is None else [_filter("updated_at", "Datetime", since)]
        if only is not None:
            for first in range(0, len(only), size):
                chosen = list(only[first : first + size])
                selected = {"all": False, "included": chosen}
                yield from self._pages(project, [], {"selectedItems": selected}, annotations, size)
            return
        yield from self._pages(project, changed, {}, annotations, size)

    def existing(self, project: int, numbers: Sequence[int]) -> set[int]:
        """Return which of these tasks exist in a project.

        Usually all of them exist, so the server first only counts them, chunk by chunk.

        Args:
            project: The project's number on the server.
            numbers: Numbers of tasks.
        """
        found: set[int] = set()
        for first in range(0, len(numbers), CHUNK):
            chunk = list(numbers[first : first + CHUNK])
            selected = {"selectedItems": {"all": False, "included": chunk}}
            answer = self._task_page(project, selected, size=1)
            if answer["total"] == len(chunk):
                found.update(chunk)
                continue
            for page in self.pages(project, only=chunk, annotations=False, size=CHUNK):
                found.update(int(task.id) for task in page)
        return found

    def annotation_numbers(self, project: int, *, size: int = 1000) -> dict[int, set[int]]:
        """Return the numbers of a project's annotations by the number of their task.

        Skipped annotations are included; tasks without annotations are not.

        Args:
            project: The project's number on the server.
            size: Tasks per request.
        """
        found: dict[int, set[int]] = {}
        last = 0
        while True:
            # The server sends the numbers only if a filter uses them.
            items = [_filter("id", "Number", last), _filter("annotations_ids", "Number", 0)]
            query = {
                "ordering": ["tasks:id"],
                "filters": {"conjunction": "and", "items": items},
            }
            tasks = self._task_page(project, query, size)["tasks"]
            if not tasks:
                return found
            for task in tasks:
                numbers = re.findall(r"\d+", task["annotations_ids"])
                found.setdefault(int(task["id"]), set()).update(map(int, numbers))
            last = int(tasks[-1]["id"])

    def tasks_with_drafts(self, project: int) -> set[int]:
        """Return the numbers of a project's tasks that have a draft of anybody.

        Args:
            project: The project's number on the server.
        """
        has_draft = {
            "filter": "filter:tasks:draft_exists",
            "operator": "equal",
            "type": "Boolean",
            "value": True,
        }
        pages = self._pages(project, [has_draft], {}, annotations=False, size=1000)
        return {int(task.id) for page in pages for task in page}

    def _task_page(self, project: int, query: Mapping[str, Any], size: int) -> Any:
        """Return the first page of the tasks that match a query, without their annotations."""
        return self.call(
            self._get,
            path="api/tasks",
            params={
                "project": project,
                "fields": "task_only",
                "query": json.dumps(query, separators=(",", ":")),
                "page": 1,
                "page_size": size,
                "resolve_uri": "false",
            },
        )

    def _get(self, path: str, params: Mapping[str, Any]) -> Any:
        """Send a GET request that the SDK has no method for."""
        from label_studio_sdk.core.api_error import ApiError

        client = self.sdk._client_wrapper.httpx_client
        answer = client.request(path, method="GET", params=dict(params))
        document = _json(answer)
        if answer.status_code >= 400:
            raise ApiError(status_code=answer.status_code, body=document)
        return document

    def _pages(
        self,
        project: int,
        filters: list[dict[str, Any]],
        more: dict[str, Any],
        annotations: bool,
        size: int,
    ) -> Iterator[list[Any]]:
        last = seen = 0
        chosen = more.get("selectedItems", {}).get("included")
        while chosen is None or seen < len(chosen):
            items = [_filter("id", "Number", last), *filters]
            query = {
                "ordering": ["tasks:id"],
                "filters": {"conjunction": "and", "items": items},
                **more,
            }
            page = self.call(
                self.sdk.tasks.list,
                project=project,
                fields="all" if annotations else "task_only",
                query=json.dumps(query),
                page=1,
                page_size=size,
                resolve_uri=False,
            )
            tasks = list(page.items or [])
            if not tasks:
                return
            yield tasks
            last = int(tasks[-1].id)
            seen += len(tasks)

    def upload(self, project: int, files: Mapping[str, bytes]) -> None:
        """Upload files to a project without creating tasks; the SDK has no method for it.

        Args:
            project: The project's number on the server.
            files: Content by file name.
        """
        from label_studio_sdk.core.api_error import ApiError

        def send() -> None:
            answer = self.sdk._client_wrapper.httpx_client.request(
                f"api/projects/{project}/import",
                method="POST",
                params={"commit_to_project": "false"},
                files={name: (name, content, "image/png") for name, content in files.items()},
            )
            if answer.status_code >= 400:
                raise ApiError(status_code=answer.status_code, body=_json(answer))

        self.call(send)

    def written_fields(self, project: int) -> set[str]:
        """Return the names of the fields with annotations in a project."""
        summary: Any = self.call(self._get, path=f"api/projects/{project}/summary/", params={})
        # Keys have the form name|image|type.
        return {str(key).partition("|")[0] for key in summary.get("created_annotations") or {}}

    def users(self) -> dict[int, Account]:
        """Return all accounts by number, without removed accounts."""
        return {
            user.id: Account(
                str(user.email or ""),
                f"{user.first_name or ''} {user.last_name or ''}".strip(),
                server_time(user.date_joined),
            )
            for user in self.call(self.sdk.users.list)
            if "@" in str(user.email or "")  # removed accounts are called "Deleted"
        }

    def own_number(self) -> int:
        """Return the number of the account that the token belongs to.

        Raises:
            RsitmdError: The server is unreachable, refuses, or is not Label Studio.
        """
        return int(self._answer("api/current-user/whoami", "id", int))

    def check(self) -> str:
        """Check the URL and the token; return the server's version.

        Raises:
            RsitmdError: The server is unreachable, refuses, or is not Label Studio.
        """
        self.own_number()
        return str(self._answer("api/version/", "release", str))

    def _answer(self, path: str, field: str, kind: type) -> Any:
        """Return a field of the answer to a request; the SDK would accept any JSON object."""
        try:
            answer = self.call(self._get, path=path, params={})
        except Refused as error:
            raise self._other_server() if error.status == HTTPStatus.NOT_FOUND else error from None
        value = answer.get(field) if isinstance(answer, dict) else None
        if not isinstance(value, kind):
            raise self._other_server()
        return value

    def _read_clock(self, answer: httpx.Response) -> None:
        with contextlib.suppress(ValueError, TypeError):  # no time, or one without a zone
            shown = parsedate_to_datetime(answer.headers.get("Date", ""))
            self.ahead = (shown - datetime.now(UTC)).total_seconds()

    def _refused(self, error: Any) -> RsitmdError:
        if error.status_code == 401:
            return RsitmdError(
                "the server refuses the token",
                where=self.connection.url,
                hint="stop `rsitmd annotate serve` and start it again: it reads the new token"
                if self.connection.key.startswith(EMBEDDED)
                else "copy the token from the page Account & Settings of the server into a file,"
                " and run `rsitmd annotate connect` again",
            )
        body = error.body if isinstance(error.body, dict) else {}
        if error.status_code is None or error.status_code < 400:
            return self._other_server()
        detail = body.get("validation_errors") or body.get("detail") or _phrase(error.status_code)
        return Refused(
            f"the server answered {error.status_code}: {detail}",
            status=int(error.status_code),
            where=self.connection.url,
            hint="fix the cause, or check the server's log",
        )

    def _other_server(self) -> RsitmdError:
        return RsitmdError(
            "not a Label Studio server",
            where=self.connection.url,
            hint="use the URL of the start page of Label Studio",
        )


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _phrase(status: int) -> str:
    """Return the standard text of an HTTP status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no reason given"


def _filter(field: str, kind: str, value: Any) -> dict[str, Any]:
    return {
        "filter": f"filter:tasks:{field}",
        "operator": "greater",
        "type": kind,
        "value": value,
    }


def _is_temporary(status: int | None, safe: bool) -> bool:
    """Return whether an error is temporary, so that the call may be repeated."""
    # Too many requests: the server has not processed this one.
    return status == TOO_MANY_REQUESTS or (safe and status is not None and status >= 500)


def server_time(value: Any) -> str:
    """Return a server time as ISO 8601 in UTC with microseconds, so that strings compare."""
    when = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return when.astimezone(UTC).isoformat(timespec="microseconds")
