"""Requests of other sites get nothing, and no answer lets a page of ours load anything foreign."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from rsitmd_tools.baselines.serving.app import make_app
from rsitmd_tools.baselines.serving.site import Site
from tests.baselines.serving.conftest import PORT

ADDRESSES = ["/", "/?text=boat", "/words/0?text=boat", "/image/0.jpg", "/locate", "/scene.jpg"]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": f"evil.example:{PORT}"}, 400),
        ({"host": "127.0.0.1:1"}, 400),
        ({"host": "127.0.0.1"}, 400),
        ({"host": f"127.0.0.1.evil.example:{PORT}"}, 400),
        ({"host": ""}, 400),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}, 403),
        (
            {
                "sec-fetch-site": "cross-site",
                "sec-fetch-mode": "navigate",
                "sec-fetch-dest": "iframe",
            },
            403,
        ),
    ],
)
def test_requests_of_others_are_refused(
    client: TestClient, address: str, headers: dict[str, str], status: int
) -> None:
    answer = client.get(address, headers=headers)
    assert answer.status_code == status
    assert answer.text.count("\n") == 1 and len(answer.text) < 100


@pytest.mark.parametrize(
    "headers",
    [
        {"host": f"localhost:{PORT}"},
        {"origin": f"http://127.0.0.1:{PORT}", "sec-fetch-site": "same-origin"},
        {
            "sec-fetch-site": "cross-site",
            "sec-fetch-mode": "navigate",
            "sec-fetch-dest": "document",
        },
    ],
)
def test_own_requests_and_followed_links_are_answered(
    client: TestClient, headers: dict[str, str]
) -> None:
    assert client.get("/", headers=headers).status_code == 200


@pytest.mark.parametrize("address", [*ADDRESSES, "/none", "/image/999.jpg", "/?k=x"])
def test_every_answer_has_the_policy(client: TestClient, address: str) -> None:
    headers = client.get(address).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy and "data:" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_sent(client: TestClient, method: str) -> None:
    assert client.request(method, "/").status_code == 405


def test_an_unexpected_error_is_one_line(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("x\ny")

    monkeypatch.setattr(site.runs[0], "answers", broken)
    client = TestClient(make_app(site, PORT), base_url=f"http://127.0.0.1:{PORT}")
    answer = client.get("/?text=boat")
    assert answer.status_code == 500
    assert answer.text.count("\n") == 1
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.getMessage() == r"/: unexpected ZeroDivisionError: x\ny"
    assert record.exc_info is None
