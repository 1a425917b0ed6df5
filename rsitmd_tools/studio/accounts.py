"""People on the server: invitations, sign-up, and an annotator who writes over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urljoin

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.client import Client, Connection
from rsitmd_tools.studio.results import as_result

TIMEOUT_SECONDS = 60.0


def invitation_link(client: Client) -> str:
    """Return the link by which people sign up."""
    import httpx

    answer = client.call(
        httpx.get,
        url=urljoin(client.connection.url, "/api/invite"),
        headers={"Authorization": f"Token {client.connection.token}"},
        timeout=TIMEOUT_SECONDS,
    )
    if answer.status_code != 200:
        raise RsitmdError(
            f"the server gives no invitation ({answer.status_code})",
            where=client.connection.url,
            mend="use the token of an account that may invite",
        )
    return urljoin(client.connection.url, answer.json()["invite_url"])


def sign_up_or_in(link: str, email: str, password: str) -> str:
    """Sign up by an invitation, or log in where the account exists; return its token.

    Raises:
        RsitmdError: The server refuses.
    """
    import httpx

    with httpx.Client(
        base_url=urljoin(link, "/"), timeout=TIMEOUT_SECONDS, follow_redirects=True
    ) as session:
        try:
            _post_form(session, link, {"email": email, "password": password})
            answer = session.get("/api/current-user/token")
            if answer.status_code != 200:
                _post_form(session, "/user/login/", {"email": email, "password": password})
                answer = session.get("/api/current-user/token")
        except httpx.HTTPError as error:
            raise RsitmdError(
                f"the connection failed ({type(error).__name__})",
                where=urljoin(link, "/"),
                mend="start the server and try again",
            ) from None
        if answer.status_code != 200:
            raise RsitmdError(
                "the server takes neither this sign-up nor this log-in",
                where=f"{urljoin(link, '/')}: {email}",
                mend="use the password of the first sign-up, or another address",
            )
        return str(answer.json()["token"])


class Annotator:
    """An annotator who works over HTTP with a token of their own."""

    def __init__(self, connection: Connection, token: str) -> None:
        self._client = Client(Connection(connection.key, connection.url, token))
        self.user: int = self._client.call(self._client.sdk.users.whoami).id

    def done(self, project: int) -> set[int]:
        """Return the tasks this annotator has annotated already."""
        return {
            int(task.id)
            for page in self._client.pages(project, since=None, size=500)
            for task in page
            if self.user in [_number(a) for a in task.annotations or []]
        }

    def submit(self, task: int, sentences: Sequence[str], keywords: Sequence[str]) -> None:
        """Submit one annotation."""
        self._client.call(
            self._client.sdk.annotations.create,
            safe=False,
            id=task,
            result=as_result(sentences, keywords),
        )


def _number(annotation: object) -> int | None:
    author = (
        annotation.get("completed_by")
        if isinstance(annotation, dict)
        else getattr(annotation, "completed_by", None)
    )
    return author.get("id") if isinstance(author, dict) else author


def _post_form(session: object, path: str, fields: dict[str, str]) -> None:
    """Post a form of the server with the token its page carries."""
    import httpx

    assert isinstance(session, httpx.Client)
    session.get(path)
    session.post(path, data={**fields, "csrfmiddlewaretoken": session.cookies.get("csrftoken", "")})
