"""A campaign of two people that tests push, what is written in it, and its counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rsitmd_tools.studio.api.accounts import LOG_IN, _post_form
from rsitmd_tools.studio.api.http import open_session
from rsitmd_tools.studio.campaign.review import ReviewRequest, review
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import join
from tests.integration.pages import PASSWORD

if TYPE_CHECKING:
    import httpx

    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

SETTINGS = "[annotation]\nannotators_per_image = 2\nkeywords_min = 0\n"
GOOD = "Two white ships lie at the long grey quay beside a crane."
SENT_BACK = "There are many boats at the pier of the harbour."  # S104


@dataclass(frozen=True)
class Campaign:
    """A pushed campaign of two people."""

    folder: Path
    emails: tuple[str, str]
    projects: dict[str, int]
    licence: str | None

    def tasks(self, email: str) -> list[int]:
        with Workspace.open(self.folder) as workspace:
            rows = workspace.db.execute(
                "SELECT task.server_id FROM task JOIN project ON project.id = project_id"
                " WHERE project.server_id = ? ORDER BY task.server_id",
                (self.projects[email],),
            )
            return [row[0] for row in rows]

    def send_back(self) -> None:
        with Workspace.open(self.folder, write=True) as workspace:
            pull(workspace)
            review(workspace, ReviewRequest("B. Lee", send_back="S104"))


MakeCampaign = Callable[..., Campaign]


@pytest.fixture
def make_campaign(make_workspace: MakeWorkspace) -> MakeCampaign:
    """A function that makes a campaign of two people and pushes it."""

    def make(*emails: str, images: int = 2, settings: str = SETTINGS) -> Campaign:
        folder = make_workspace(images=images, how="upload", settings=settings)
        with Workspace.open(folder, write=True) as workspace:
            for email in emails:
                join(workspace, email)
            report = push(workspace)
        projects = {entry["annotator"]: entry["id"] for entry in report.projects}
        return Campaign(folder, (emails[0], emails[1]), projects, report.licence)

    return make


@pytest.fixture
def session(server: EmbeddedServer) -> Iterator[Callable[[str], httpx.Client]]:
    """A function that signs a person in, as a browser does."""
    opened = []

    def make(email: str, password: str = PASSWORD) -> httpx.Client:
        client = open_session(server.url)
        opened.append(client)
        _post_form(client, LOG_IN, {"email": email, "password": password})
        return client

    yield make
    for client in opened:
        client.close()


def queue(session: httpx.Client, project: int | None = None) -> dict[str, Any]:
    asked = {} if project is None else {"project": project}
    answer = session.get("/rsitmd/queue.json", params=asked)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


def counts(entry: dict[str, Any]) -> tuple[int, int, int, int]:
    return entry["images"], entry["done"], entry["left"], entry["skipped"]


def own(state: dict[str, Any], project: int) -> dict[str, Any]:
    [entry] = [entry for entry in state["projects"] if entry["id"] == project]
    return dict(entry)
