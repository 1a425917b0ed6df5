"""People on the server: invitations, sign-up, log-in, and an annotator who works over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.client import Client
from rsitmd_tools.studio.connection import Connection
from rsitmd_tools.studio.http import open_session
from rsitmd_tools.studio.results import as_result

if TYPE_CHECKING:
    import httpx

LOG_IN = "/user/login/"


def invitation_link(client: Client) -> str:
    """Return the link by which people sign up."""
    invitation = client.call(client.sdk.organizations.invites.get_invite_link)
    return urljoin(client.connection.page, str(invitation.invite_url))


def sign_up_or_in(link: str, email: str, password: str) -> str:
    """Sign up by an invitation, or log in where the account exists; return its token.

    Raises:
        RsitmdError: The server refuses, or is unreachable.
    """
    return _token(link, (link, LOG_IN), email, password)


def log_in(url: str, email: str, password: str) -> str:
    """Log in to an account; return its token.

    Raises:
        RsitmdError: The server refuses, or is unreachable.
    """
    return _token(url, (LOG_IN,), email, password)


class Annotator:
    """An annotator who works over HTTP with a token of their own."""

    def __init__(self, connection: Connection, token: str) -> None:
        self._client = Client(Connection(connection.key, connection.url, token))
        self.user: int = self._client.call(self._client.sdk.users.whoami).id

    def done(self, project: int) -> set[int]:
        """Return the tasks this annotator has annotated already."""
        return {
            int(task.id)
            for page in self._client.pages(project)
            for task in page
            if any(_author(annotation) == self.user for annotation in task.annotations or [])
        }

    def submit(self, task: int, sentences: Sequence[str], keywords: Sequence[str]) -> None:
        """Submit one annotation; after a failed connection, look at :meth:`done` first."""
        self._client.call(
            self._client.sdk.annotations.create,
            safe=False,
            id=task,
            result=as_result(sentences, keywords),
        )

    def rewrite(self, task: int, sentences: Sequence[str], keywords: Sequence[str]) -> None:
        """Change this annotator's own annotation of a task.

        Raises:
            RsitmdError: There is none, or the server refuses.
        """
        own = [
            annotation
            for annotation in self._client.call(self._client.sdk.annotations.list, id=task)
            if _author(annotation) == self.user
        ]
        if not own:
            raise RsitmdError("has no annotation by this annotator", where=f"task {task}")
        self.overwrite(own[-1].id, sentences, keywords)

    def overwrite(self, annotation: int, sentences: Sequence[str], keywords: Sequence[str]) -> None:
        """Change an annotation, whoever made it: the server lets every member do so."""
        self._client.call(
            self._client.sdk.annotations.update,
            id=annotation,
            result=as_result(sentences, keywords),
        )


def _author(annotation: object) -> int | None:
    """Return the number of an annotation's author, which comes plain or in an object."""
    entry = annotation if isinstance(annotation, dict) else vars(annotation)
    author = entry.get("completed_by")
    return author.get("id") if isinstance(author, dict) else author


def _token(url: str, forms: Sequence[str], email: str, password: str) -> str:
    """Post the forms one after the other until the session has a token; return it."""
    import httpx

    base = urljoin(url, "/")
    try:
        with open_session(base) as session:
            for form in forms:
                _post_form(session, form, {"email": email, "password": password})
                answer = session.get("/api/current-user/token")
                if answer.status_code == 200:
                    return str(answer.json()["token"])
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RsitmdError(
            f"the connection failed ({type(error).__name__})",
            where=base,
            mend="start the server and try again",
        ) from None
    raise RsitmdError(
        "the server takes neither this sign-up nor this log-in",
        where=f"{base}: {email}",
        mend="use the password of the first sign-up, or another address",
    )


def _post_form(session: httpx.Client, path: str, fields: dict[str, str]) -> None:
    """Post a form of the server with the token its page carries."""
    session.get(path)
    session.post(path, data={**fields, "csrfmiddlewaretoken": session.cookies.get("csrftoken", "")})
