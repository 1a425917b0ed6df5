"""Accounts on the server: invitation links, sign-up and log-in."""

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
    """Return the link with which annotators sign up."""
    invitation = client.call(client.sdk.organizations.invites.get_invite_link)
    return urljoin(client.connection.page, str(invitation.invite_url))


def sign_up_or_in(link: str, email: str, password: str) -> str:
    """Sign up with an invitation link, or log in if the account exists; return its token.

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
    """Post the forms in order until the session has a token; return the token."""
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
        "the server refused the sign-up and the log-in",
        where=f"{base}: {email}",
        hint="use the password of the existing account, or another email address",
    )


def _post_form(session: httpx.Client, path: str, fields: dict[str, str]) -> None:
    """Post a form of the server with the CSRF token of its page."""
    session.get(path)
    session.post(path, data={**fields, "csrfmiddlewaretoken": session.cookies.get("csrftoken", "")})
