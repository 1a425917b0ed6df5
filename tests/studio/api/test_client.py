"""Client: one-line errors of server and network; retries only if they are safe."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from rsitmd_tools.errors import MissingExtra, RsitmdError
from rsitmd_tools.studio.api import calls
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import Connection
from rsitmd_tools.studio.api.http import is_loopback, open_session

pytest.importorskip("label_studio_sdk", reason="the SDK is not installed: make install")

TOKEN = "0123456789abcdef0123456789abcdef01234567"


class Spoiled:
    """A fake server with given answers, which the real server cannot be made to send."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[str] = []
        self.date = "Thu, 01 Jan 2026 00:00:00 GMT"
        spoiled = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                spoiled.asked.append(f"{self.command} {self.path}")
                status, body = spoiled.answers.pop(0)
                data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                if status in (301, 302):
                    self.send_header("Location", body)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET  # noqa: N815

            def date_time_string(self, timestamp: float | None = None) -> str:
                return spoiled.date

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def spoiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spoiled]:
    monkeypatch.setattr(calls, "PAUSES", (0.0, 0.0, 0.0))
    server = Spoiled()
    yield server
    server.close()


@pytest.fixture
def client(spoiled: Spoiled) -> Client:
    return Client(Connection("key", spoiled.url, TOKEN))


def failure(client: Client, *, safe: bool = True) -> str:
    with pytest.raises(RsitmdError) as raised:
        if safe:
            client.call(client.sdk.users.whoami)
        else:
            client.call(client.sdk.projects.create, safe=False, title="abc")
    line = str(raised.value)
    assert TOKEN not in line
    assert "\n" not in line
    return line


USER = {"id": 7, "email": "a@example.org"}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_temporary_errors_are_retried(client: Client, spoiled: Spoiled, status: int) -> None:
    spoiled.answers = [(status, ""), (status, "<html>"), (200, USER)]
    assert client.call(client.sdk.users.whoami).id == 7
    assert len(spoiled.asked) == 3


def test_permanent_errors_are_reported_after_retries(client: Client, spoiled: Spoiled) -> None:
    spoiled.answers = [(502, "")] * 9
    assert "the server answered 502: Bad Gateway" in failure(client)
    assert len(spoiled.asked) == 4


@pytest.mark.parametrize(("status", "attempts"), [(429, 4), (409, 1), (500, 1), (502, 1)])
def test_creating_calls_are_retried_only_if_not_processed(
    client: Client, spoiled: Spoiled, status: int, attempts: int
) -> None:
    spoiled.answers = [(status, "")] * 9
    failure(client, safe=False)
    assert len(spoiled.asked) == attempts


def test_an_error_contains_only_the_reason_of_the_server(client: Client, spoiled: Spoiled) -> None:
    body = {
        "detail": "Validation error",
        "validation_errors": {"label_config": ["no <TextArea> tag\nhere"]},
        "headers": {"Authorization": f"Token {TOKEN}"},
    }
    spoiled.answers = [(400, body)]
    line = failure(client, safe=False)
    assert "the server answered 400: {'label_config': ['no <TextArea> tag" in line
    spoiled.answers = [(401, {"detail": "Invalid token."})]
    assert "refuses the token" in failure(client)
    assert len(spoiled.asked) == 2


def test_another_server_is_not_accepted_as_label_studio(client: Client, spoiled: Spoiled) -> None:
    spoiled.answers = [(200, "<html>It works!</html>")]
    assert "not a Label Studio server" in failure(client)


@pytest.mark.parametrize(
    "body", [{}, [], None, "<html>", {"id": None}, {"id": "7"}, [{"id": 7, "release": "1.23.2"}]]
)
def test_an_answer_without_an_account_or_a_version_is_not_of_label_studio(
    client: Client, spoiled: Spoiled, body: Any
) -> None:
    for answers, ask in (
        ([(200, body)], client.own_number),
        ([(200, body)], client.check),
        ([(200, USER), (200, body)], client.check),
    ):
        spoiled.answers = list(answers)
        with pytest.raises(RsitmdError, match="not a Label Studio server; use the URL"):
            ask()


def test_the_account_and_the_version_of_label_studio_are_read(
    client: Client, spoiled: Spoiled
) -> None:
    spoiled.answers = [(200, USER), (200, USER), (200, {"release": "1.23.2"})]
    assert (client.own_number(), client.check()) == (7, "1.23.2")
    account = "GET /api/current-user/whoami"
    assert spoiled.asked == [account, account, "GET /api/version/"]


def test_a_url_without_server() -> None:
    for url in ("http://127.0.0.1:9", "http://", "nonsense"):
        assert "Label Studio does not answer; start the server" in failure(
            Client(Connection("key", url, TOKEN))
        )


def test_a_redirect_to_another_address_is_refused(client: Client, spoiled: Spoiled) -> None:
    """A POST would become a GET there, which creates nothing."""
    there = "https://label.example.org"
    for safe in (True, False):
        spoiled.answers = [(301, f"{there}/api/current-user/whoami")]
        line = failure(client, safe=safe)
        assert line.endswith(f"redirects to another address; connect with --url {there}")
    spoiled.answers = [(302, "/api/current-user/whoami/"), (200, USER)]
    assert client.own_number() == 7
    assert len(spoiled.asked) == 4


def test_a_path_that_label_studio_does_not_have(client: Client, spoiled: Spoiled) -> None:
    spoiled.answers = [(404, "<html>")]
    with pytest.raises(RsitmdError, match="not a Label Studio server; use the URL of the start"):
        client.check()


def test_https_to_a_server_without_it(spoiled: Spoiled) -> None:
    url = spoiled.url.replace("http:", "https:")
    assert "no HTTPS connection (" in failure(Client(Connection("key", url, TOKEN)))


def test_an_expired_personal_token_is_refused() -> None:
    import jwt

    expired = jwt.encode({"exp": 1, "token_type": "refresh"}, "k" * 32)
    for key, hint in (("key", "annotate connect` again"), ("embedded-1", "annotate serve` and")):
        with pytest.raises(RsitmdError, match="refuses the token") as raised:
            Client(Connection(key, "http://127.0.0.1:9", expired))
        assert expired not in str(raised.value)
        assert hint in raised.value.hint


def test_paging_ends_with_an_empty_page_even_if_pages_are_short(
    client: Client, spoiled: Spoiled
) -> None:
    def page(*numbers: int) -> tuple[int, Any]:
        return 200, {"tasks": [{"id": n, "data": {}} for n in numbers], "total": 3}

    spoiled.answers = [page(3, 5), page(8), page()]
    pages = [[task.id for task in tasks] for tasks in client.pages(1, size=500)]
    assert pages == [[3, 5], [8]]


def test_selected_tasks_are_requested_in_chunks(client: Client, spoiled: Spoiled) -> None:
    def page(*numbers: int) -> tuple[int, Any]:
        return 200, {"tasks": [{"id": n, "data": {}} for n in numbers], "total": 3}

    # One of the last portion is gone: it is asked for what follows, which is nothing.
    spoiled.answers = [page(3, 5), page(8), page()]
    pages = [[task.id for task in tasks] for tasks in client.pages(1, only=[3, 5, 8, 9], size=2)]
    assert pages == [[3, 5], [8]]
    asked = [json.loads(parse_qs(urlsplit(path).query)["query"][0]) for path in spoiled.asked]
    assert [entry["selectedItems"]["included"] for entry in asked] == [[3, 5], [8, 9], [8, 9]]
    assert list(client.pages(1, only=[])) == []


def test_existing_tasks_are_counted_without_sending_them(client: Client, spoiled: Spoiled) -> None:
    spoiled.answers = [(200, {"tasks": [], "total": 3})]
    assert client.existing(1, [3, 5, 8]) == {3, 5, 8}
    assert len(spoiled.asked) == 1


def test_missing_tasks_are_found_by_their_numbers(client: Client, spoiled: Spoiled) -> None:
    there = [{"id": n, "data": {}} for n in (3, 8)]
    spoiled.answers = [
        (200, {"tasks": [], "total": 2}),
        (200, {"tasks": there, "total": 2}),
        (200, {"tasks": [], "total": 0}),
    ]
    assert client.existing(1, [3, 5, 8]) == {3, 8}
    assert client.existing(1, []) == set()


def test_removed_accounts_are_ignored(client: Client, spoiled: Spoiled) -> None:
    joined = "2025-01-01T00:00:00Z"
    there = {**USER, "first_name": "A", "last_name": "B", "date_joined": joined, "username": "a"}
    gone = {"id": 8, "email": "Deleted", "date_joined": joined, "username": "Deleted"}
    spoiled.answers = [(200, [there, gone])]
    users = client.users()
    assert list(users) == [7]
    assert users[7][:2] == ("a@example.org", "A B")


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Thu, 01 Jan 2099 00:00:00 GMT", 1),
        ("Thu, 01 Jan 2015 00:00:00 GMT", -1),
        ("Thu, 01 Jan 2015 00:00:00 -0000", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_the_clock_of_the_server_is_read_from_its_answers(
    client: Client, spoiled: Spoiled, date: str, ahead: int | None
) -> None:
    assert client.ahead is None
    spoiled.date, spoiled.answers = date, [(200, USER)]
    client.call(client.sdk.users.whoami)
    years = None if client.ahead is None else client.ahead / (365 * 24 * 3600)
    assert (years and years / abs(years)) == ahead


def test_proxies_are_ignored_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert is_loopback("http://127.0.0.1:8080/x")
    assert is_loopback("http://[::1]:8080")
    assert is_loopback("http://localhost")
    assert not is_loopback("https://label.example.org")
    assert not is_loopback("http://127.0.0.1.example.org")
    with open_session("http://127.0.0.1:8080") as session:
        assert not session.trust_env
    with open_session("https://label.example.org") as session:
        assert session.trust_env


def test_a_missing_sdk_reports_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install '\.\[studio\]'"):
        Client(Connection("key", "http://127.0.0.1:9", TOKEN))
