"""How far a person is, as the server answers it: own counts and projects only."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.studio.api.accounts import invitation_link, sign_up_or_in
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.http import open_session
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import join, leave
from tests.integration.campaigns import (
    GOOD,
    SENT_BACK,
    SETTINGS,
    MakeCampaign,
    counts,
    make_campaign,
    own,
    queue,
    session,
)
from tests.integration.pages import PASSWORD
from tests.integration.reviewed import VAGUE
from tests.integration.rewriting import rewrite

if TYPE_CHECKING:
    import httpx

    from rsitmd_tools.studio.server.embedded import EmbeddedServer

__all__ = ["make_campaign", "session"]  # fixtures
pytestmark = pytest.mark.integration


def test_the_queue_answers_only_the_signed_in_user(
    make_campaign: MakeCampaign,
    annotators: list[tuple[str, Annotator]],
    server: EmbeddedServer,
    session: Callable[..., httpx.Client],
) -> None:
    with open_session(server.url) as nobody:
        assert nobody.get("/rsitmd/queue.json").status_code == 401
    (first, anna), (second, berta) = annotators[:2]
    campaign = make_campaign(first, second, images=4)
    mine, hers = session(first), session(second)
    assert mine.post("/rsitmd/queue.json").status_code == 405
    assert mine.put("/rsitmd/queue.json").status_code == 405
    project, other = campaign.projects[first], campaign.projects[second]
    assert counts(own(queue(mine), project)) == (4, 0, 4, 0)

    tasks = campaign.tasks(first)
    anna.submit(tasks[0], [SENT_BACK], ["white boat"])
    anna._client.call(
        anna._client.sdk.annotations.create, safe=False, id=tasks[1], result=[], was_cancelled=True
    )
    berta.submit(campaign.tasks(second)[0], ["A secret of the second person."], ["red ship"])
    assert counts(own(queue(mine), project)) == (4, 1, 2, 1)
    assert counts(own(queue(hers), other)) == (4, 1, 3, 0)
    assert other not in {entry["id"] for entry in queue(mine)["projects"]}
    assert [entry["id"] for entry in queue(mine, project)["projects"]] == [project]
    assert queue(mine, other)["projects"] == []

    campaign.send_back()
    [back] = own(queue(mine), project)["sent_back"]
    assert (back["task"], back["changed"]) == (tasks[0], False)
    assert back["image"].startswith("harbour_")
    assert [("many" in note) for note in back["notes"]] == [True]
    assert back["url"] == f"/projects/{project}/data?task={tasks[0]}"
    assert own(queue(hers), other)["sent_back"] == []
    assert "secret" not in mine.get("/rsitmd/queue.json").text

    # Changed, it waits for a pull; the pull takes the note away.
    rewrite(anna, tasks[0], [GOOD], ["white boat"])
    assert [entry["changed"] for entry in own(queue(mine), project)["sent_back"]] == [True]
    with Workspace.open(campaign.folder, write=True) as workspace:
        pull(workspace)
    assert own(queue(mine), project)["sent_back"] == []


def test_annotators_see_their_own_projects_and_the_lead_and_tokens_see_all(
    make_campaign: MakeCampaign,
    annotators: list[tuple[str, Annotator]],
    server: EmbeddedServer,
    client: Client,
    session: Callable[..., httpx.Client],
) -> None:
    first, second = annotators[3][0], annotators[4][0]
    campaign = make_campaign(first, second)
    mine, lead = session(first), session(server.secrets.email, server.secrets.password)
    project, other = campaign.projects[first], campaign.projects[second]

    def listed(who: httpx.Client, **query: Any) -> set[int]:
        answer = who.get("/api/projects", params={"page_size": 100, **query})
        assert answer.status_code == 200
        return {entry["id"] for entry in answer.json()["results"]}

    assert queue(mine)["restricted"]
    assert not queue(lead)["restricted"]
    assert project in listed(mine)
    assert listed(mine) == {entry["id"] for entry in queue(mine)["projects"]}
    assert listed(mine, ids=f"{project},{other}") == {project}
    assert listed(mine, ids=str(other)) == set()
    assert {project, other} <= listed(lead)
    token = annotators[3][1]._client  # pull and push of a connected server use a token
    assert {project, other} <= {p.id for p in token.sdk.projects.list()}

    # Who leaves has a closed project: it is offered no more.
    with Workspace.open(campaign.folder, write=True) as workspace:
        leave(workspace, first)
        push(workspace)
    assert project not in {entry["id"] for entry in queue(mine)["projects"]}
    assert project not in listed(mine)


def test_a_project_follows_its_owner_to_another_address(
    make_campaign: MakeCampaign,
    annotators: list[tuple[str, Annotator]],
    client: Client,
    session: Callable[..., httpx.Client],
) -> None:
    """A new annotator who has the former address gets a project of their own."""
    first, second = annotators[0][0], annotators[1][0]
    campaign = make_campaign(first, second)
    project, former = campaign.projects[first], "former@example.org"
    there = client.sdk.projects.get(id=project)
    client.sdk.projects.update(id=project, description=there.description.replace(first, former))
    mine = session(first)
    assert project not in {entry["id"] for entry in queue(mine)["projects"]}
    with Workspace.open(campaign.folder, write=True) as workspace:
        join(workspace, former)
        report = push(workspace)
    assert len({entry["id"] for entry in report.projects}) == 3
    assert report.projects[0]["id"] == project
    assert counts(own(queue(mine), project)) == (2, 0, 2, 0)


def test_a_project_of_an_address_in_another_case_is_listed(
    make_campaign: MakeCampaign, client: Client, session: Callable[..., httpx.Client]
) -> None:
    campaign = make_campaign("Typed@Example.org", "nobody@example.org")
    sign_up_or_in(invitation_link(client), "typed@example.org", PASSWORD)
    state = queue(session("typed@example.org"))
    assert counts(own(state, campaign.projects["Typed@Example.org"])) == (2, 0, 2, 0)


def test_what_is_sent_back_in_a_closed_project_is_listed_with_the_open_one(
    make_campaign: MakeCampaign,
    annotators: list[tuple[str, Annotator]],
    session: Callable[..., httpx.Client],
) -> None:
    (first, anna), (second, _) = annotators[:2]
    two = f"{SETTINGS}sentences_per_annotator = 2\n"
    campaign = make_campaign(first, second, settings=two)
    closed, [task, _] = campaign.projects[first], campaign.tasks(first)
    anna.submit(task, [GOOD, SENT_BACK], ["white boat"])
    (campaign.folder / "rsitmd.toml").write_text(SETTINGS, encoding="utf-8")
    with Workspace.open(campaign.folder, write=True) as workspace:
        pull(workspace)
        project = push(workspace).projects[0]["id"]
    assert project != closed
    campaign.send_back()
    mine = session(first)
    assert closed not in {entry["id"] for entry in queue(mine)["projects"]}
    [back] = own(queue(mine), project)["sent_back"]
    assert back["url"] == f"/projects/{closed}/data?task={task}"


def test_a_sentence_is_listed_until_it_is_changed_itself(
    make_campaign: MakeCampaign,
    session: Callable[[str], httpx.Client],
    annotators: list[tuple[str, Annotator]],
) -> None:
    """Other changes of the annotation or of the task do not count."""
    (first, anna), (second, _) = annotators[:2]
    settings = "[annotation]\nannotators_per_image = 1\nsentences_per_annotator = 3\n"
    campaign = make_campaign(first, second, settings=f"{settings}keywords_min = 0\n")
    project = campaign.projects[first]
    task = campaign.tasks(first)[0]
    anna.submit(task, [SENT_BACK, VAGUE, GOOD], [])
    campaign.send_back()
    mine = session(first)

    def waiting() -> list[str]:
        entries = own(queue(mine), project)["sent_back"]
        return [note.partition(":")[0] for entry in entries for note in entry["notes"]]

    def pull_now() -> int:
        with Workspace.open(campaign.folder, write=True) as workspace:
            return pull(workspace).corrected

    assert waiting() == ["sentence 1", "sentence 2"]
    rewrite(anna, task, [SENT_BACK, VAGUE, f"{GOOD[:-1]} today."], ["red ship"])
    assert waiting() == ["sentence 1", "sentence 2"]
    assert pull_now() == 0
    assert waiting() == ["sentence 1", "sentence 2"]

    rewrite(anna, task, [SENT_BACK, "Three ships lie before four houses.", GOOD], [])
    assert waiting() == ["sentence 1"]
    assert pull_now() == 1
    assert waiting() == ["sentence 1"]

    rewrite(anna, task, ["Six boats lie at the pier.", "Three ships lie before it.", GOOD], [])
    assert waiting() == []
    # A hint of the assist changes the task later than the author.
    sdk = anna._client.sdk
    data = sdk.tasks.get(id=str(task)).data
    time.sleep(1.5)
    sdk.tasks.update(id=str(task), data={**data, "hint": "anna: says 'it'"})
    assert waiting() == []
    assert pull_now() == 1
