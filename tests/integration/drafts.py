"""Drafts, as the labeling page saves them."""

from __future__ import annotations

from rsitmd_tools.studio.api.http import open_session
from rsitmd_tools.studio.server.embedded import EmbeddedServer
from rsitmd_tools.studio.sync.results import as_result


def save_draft(server: EmbeddedServer, token: str, task: int) -> int:
    """Save a draft of the owner of a token; return its number."""
    with open_session(server.url) as session:
        answer = session.post(
            f"/api/tasks/{task}/drafts",
            headers={"Authorization": f"Token {token}"},
            json={"result": as_result(["Not finished"], []), "lead_time": 3},
        )
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])
