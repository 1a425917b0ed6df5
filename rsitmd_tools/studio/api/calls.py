"""Calls of the server's API: the SDK, with one-line errors and safe retries."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

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


class Caller:
    """Sends requests to a Label Studio server.

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

    def get(self, path: str, **params: Any) -> Any:
        """Return the document at a path, for which the SDK has no method.

        Args:
            path: The path, from the URL of the server.
            params: The parameters of the query.

        Raises:
            RsitmdError: As :meth:`call`.
        """
        return self.call(self._request, method="GET", path=path, params=params)

    def post(
        self,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Any:
        """Send a document or files to a path, for which the SDK has no method.

        Args:
            path: The path, from the URL of the server.
            json: The document.
            files: Name, content and media type of each file, by the name of its part.
            params: The parameters of the query.

        Returns:
            The document in the answer.

        Raises:
            RsitmdError: As :meth:`call`. The request is repeated after a temporary error, so it
                must not create anything that would be there twice.
        """
        return self.call(
            self._request, method="POST", path=path, params=params, json=json, files=files
        )

    def _request(self, path: str, **options: Any) -> Any:
        from label_studio_sdk.core.api_error import ApiError

        answer = self.sdk._client_wrapper.httpx_client.request(path, **options)
        document = _json(answer)
        if answer.status_code >= 400:
            raise ApiError(status_code=answer.status_code, body=document)
        return document

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
            return self.other_server()
        reasons = map(body.get, ("validation_errors", "label_config", "detail"))
        detail = next(filter(None, reasons), None) or _phrase(error.status_code)
        return Refused(
            f"the server answered {error.status_code}: {detail}",
            status=int(error.status_code),
            where=self.connection.url,
            hint="fix the cause, or check the server's log",
        )

    def other_server(self) -> RsitmdError:
        """Return the error that the server is not Label Studio."""
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


def _is_temporary(status: int | None, safe: bool) -> bool:
    """Return whether an error is temporary, so that the call may be repeated."""
    # Too many requests: the server has not processed this one.
    return status == TOO_MANY_REQUESTS or (safe and status is not None and status >= 500)
