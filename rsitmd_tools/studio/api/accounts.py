"""People on the server: invitations, sign-up, log-in, and an annotator who works over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.http import open_session

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
            hint="start the server and try again",
        ) from None
    raise RsitmdError(
        "the server takes neither this sign-up nor this log-in",
        where=f"{base}: {email}",
        hint="use the password of the first sign-up, or another address",
    )


def _post_form(session: httpx.Client, path: str, fields: dict[str, str]) -> None:
    """Post a form of the server with the token its page carries."""
    session.get(path)
    session.post(path, data={**fields, "csrfmiddlewaretoken": session.cookies.get("csrftoken", "")})
