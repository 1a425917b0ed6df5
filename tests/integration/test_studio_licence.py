"""The licence on the real server: asked on a page, accepted once, recorded by pull."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.licence import ACCEPTED, CHOICE
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.licence import licence_state
from rsitmd_tools.workspace.people import join
from tests.integration.pages import browser, open_page, sign_up

if TYPE_CHECKING:
    from tests.integration.conftest import MakeWorkspace, Tool
    from tests.integration.pages import OpenPage

__all__ = ["browser", "open_page"]  # fixtures

pytestmark = pytest.mark.integration

SETTINGS = "[annotation]\nannotators_per_image = 2\nlicence = 'CC-BY-4.0'\n"
YES = [{"from_name": CHOICE, "to_name": "text", "type": "choices",
        "value": {"choices": [ACCEPTED]}}]  # fmt: skip
People = list[tuple[str, Annotator]]


def started(folder: Path, annotators: People) -> tuple[int, int]:
    """Let three people join and push; return the licence's project and task on the server."""
    with Workspace.open(folder, write=True) as workspace:
        for email, _ in annotators[:3]:
            join(workspace, email)
        url = push(workspace).licence
    assert url is not None
    project = int(url.split("/projects/")[1].split("/")[0])
    return project, task_of(annotators, project)


def task_of(annotators: People, project: int) -> int:
    (page,) = annotators[0][1]._client.pages(project)
    (task,) = page
    return int(task.id)


def answer(person: Annotator, task: int, **more: Any) -> int:
    made = person._client.call(
        person._client.sdk.annotations.create, safe=False, id=task, result=YES, **more
    )
    return int(made.id)


def missing(folder: Path) -> list[str]:
    with Workspace.open(folder, write=True) as workspace:
        pull(workspace)
        state = licence_state(workspace)
    assert state is not None
    return list(state["missing"])


def test_who_accepts_is_recorded_once_with_time_and_text(
    make_workspace: MakeWorkspace, annotators: People
) -> None:
    folder = make_workspace(images=2, settings=SETTINGS)
    project, task = started(folder, annotators)
    assert started(folder, annotators) == (project, task)  # a second push makes nothing
    emails = [email for email, _ in annotators[:3]]
    assert missing(folder) == emails
    answer(annotators[0][1], task)
    assert missing(folder) == emails[1:]
    answer(annotators[1][1], task)
    with Workspace.open(folder, write=True) as workspace:
        assert pull(workspace).accepted == 1
        rows = workspace.db.execute(
            "SELECT email, licence.* FROM licence JOIN annotator ON annotator.id = annotator_id"
        ).fetchall()
        assert [(row["email"], row["recorded_by"]) for row in rows] == [
            (emails[0], ""),
            (emails[1], ""),
        ]
        text = workspace.fact(f"licence.{rows[0]['text_sha256']}")
    (shown,) = next(iter(annotators[0][1]._client.pages(project)))
    assert shown.data["text"] == text
    times = {str(annotation["created_at"])[:19] for annotation in shown.annotations}
    assert {row["accepted_at"][:19] for row in rows} == times
    assert missing(folder) == emails[2:]


def test_nobody_can_accept_for_another_annotator(
    make_workspace: MakeWorkspace, annotators: People, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_workspace(images=2, settings=SETTINGS)
    _, task = started(folder, annotators)
    emails = [email for email, _ in annotators[:3]]
    anna, berta = annotators[0][1], annotators[1][1]
    answer(berta, task, completed_by=anna.user)  # in another's name
    assert missing(folder) == emails
    own = anna._client.sdk.annotations.create(id=task, result=[])
    berta._client.sdk.annotations.update(id=own.id, result=YES)  # in another's answer
    assert missing(folder) == emails
    sdk = anna._client.sdk
    before = sdk.tasks.get(id=str(task)).data
    sdk.tasks.update(id=str(task), data={"text": "You owe me a house."})
    answer(annotators[2][1], task)
    with caplog.at_level(logging.WARNING):
        assert missing(folder) == emails
    assert "shows another text than the licence" in caplog.text
    sdk.tasks.update(id=str(task), data=before)


def test_the_lead_records_paper_forms_and_status_lists_who_has_not_accepted(
    make_workspace: MakeWorkspace, annotators: People, tool: Tool
) -> None:
    folder = make_workspace(images=3, settings=SETTINGS)
    _, task = started(folder, annotators)
    emails = [email for email, _ in annotators[:3]]
    for email, person in annotators[:3]:
        with Workspace.open(folder) as workspace:
            row = workspace.db.execute(
                "SELECT project.server_id FROM project JOIN annotator ON annotator.id ="
                " annotator_id WHERE email = ?",
                (email,),
            ).fetchone()
        for page in person._client.pages(row["server_id"]):
            for each in page:
                person.submit(each.id, [f"Two {email} ships lie at quay {each.id}."], ["red ship"])
    answer(annotators[0][1], task)
    pulled = tool.run("annotate", "pull", folder)
    assert "annotators who accepted the licence: 1" in pulled.stdout, pulled.stderr
    done = tool.run("annotate", "users", folder, "accept", emails[1], "--reviewer", "B. Lee")
    assert done.returncode == 0, done.stderr
    assert f"{emails[1]}: acceptance recorded" in done.stderr
    assert f"{emails[2]}: active, has not accepted the licence" in done.stdout
    assert f"{emails[1]}: active, 2 written" in done.stdout
    again = tool.run("annotate", "users", folder, "accept", emails[1])
    assert f"{emails[1]}: has already accepted the licence" in again.stderr
    status = tool.run("annotate", "status", folder)
    assert f"licence CC-BY-4.0: 2 accepted, pending: {emails[2]}" in status.stdout
    page = folder / "status.html"
    tool.run("annotate", "status", folder, "--html", page)
    assert f"not by {emails[2]}" in page.read_text(encoding="utf-8")


@pytest.mark.browser
@pytest.mark.parametrize("by_keys", [False, True])
def test_an_annotator_accepts_in_the_browser(
    by_keys: bool, make_workspace: MakeWorkspace, client: Client, open_page: OpenPage
) -> None:
    email = f"licence-by-{'keys' if by_keys else 'mouse'}@example.org"
    folder = make_workspace(images=2, settings=SETTINGS)
    page = open_page()
    sign_up(page, client, email)
    with Workspace.open(folder, write=True) as workspace:
        join(workspace, email)
        join(workspace, "second@example.org")
        report = push(workspace)
        own = next(p["url"] for p in report.projects if p["annotator"] == email)
    page.goto(f"{own}?labeling=1")
    greeting = page.locator(".lsf-modal-ls__content")
    greeting.get_by_role("link", name="read and accept the licence").click()
    tick = page.get_by_text("I accept")
    tick.wait_for()
    assert "under the licence Creative Commons Attribution 4.0" in page.inner_text("body")
    submit = page.get_by_test_id("bottombar-submit-button")
    assert submit.is_disabled()
    if by_keys:
        page.wait_for_function("document.activeElement.type === 'checkbox'")
        page.keyboard.press("Space")
    else:
        tick.click()
    with page.expect_response(lambda r: "/annotations" in r.url and r.status == 201):
        page.keyboard.press("Control+Enter") if by_keys else submit.click()
    assert missing(folder) == ["second@example.org"]
