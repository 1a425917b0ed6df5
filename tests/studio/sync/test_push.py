"""What a push says about the labeling page of a project."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from rsitmd_tools.studio.sync import push as module
from rsitmd_tools.studio.sync.projects import Project
from rsitmd_tools.studio.sync.push import PushOptions, _Push
from rsitmd_tools.workspace.people import Person

CHANGED = "The labeling page of project 7 was changed on the server."
CLOSED = (
    "Project 7 has texts in fields that the configured labeling page does not have (extra): it is"
    " closed and its texts are kept; a new project takes its place."
)
OTHER = (
    "Project 7 has new sentences: it is closed and its texts are kept; a new project takes its"
    " place."
)


@pytest.mark.parametrize(
    ("changed", "hidden", "other", "said"),
    [
        (False, [], "", "project 7 gets the configured labeling page"),
        (True, [], "", f"{CHANGED} It is restored."),
        (False, ["extra"], "", CLOSED),
        (True, ["extra"], "", f"{CHANGED} {CLOSED}"),
        (False, [], "new sentences", OTHER),
    ],
)
def test_only_a_page_that_is_sent_is_said_to_be_restored(
    changed: bool, hidden: list[str], other: str, said: str
) -> None:
    lines: list[str] = []
    done: list[str] = []
    anything = cast("Any", None)
    push = _Push(anything, anything, anything, PushOptions(), lines.append)
    push._projects = cast(
        "Any",
        SimpleNamespace(
            hidden_fields=lambda project: hidden,
            other_sentences=lambda project: other,
            send_page=lambda project: done.append("sent"),
            close=lambda row: done.append("closed"),
        ),
    )
    project = Project(1, 7, None, "main", new_page=True, changed_page=changed)
    assert push._send_page(project) is not bool(hidden or other)
    assert (lines, done) == ([said], ["closed" if hidden or other else "sent"])


def test_a_project_that_is_closed_because_of_its_page_gets_no_tasks_and_shows_none_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its texts are not the work that the configured page asks for.

    Another project gets its page before its tasks, which may lack the fields of the old page.
    """
    sent: list[tuple[str, int]] = []

    def send_page(project: Project) -> bool:
        sent.append(("page", project.number))
        return project.number != 7

    def tasks_of(workspace: object, client: object, row: int, number: int, data: object) -> object:
        tasks.send = lambda *arguments: sent.append(("tasks", number))
        return tasks

    reconciled = SimpleNamespace(adopted=[], removed=[], deletions=[])
    tasks = SimpleNamespace(
        reconciled=reconciled,
        pictures=[],
        other_notes=[],
        find=lambda images: (0, [None]),
        known=list,
        keys=dict,
        update=lambda *arguments: 0,
    )
    shown: list[int] = []
    monkeypatch.setattr(module, "Tasks", tasks_of)
    monkeypatch.setattr(module, "open_folder", lambda *arguments: None)
    monkeypatch.setattr(module, "delete_copies", lambda *arguments: [])
    monkeypatch.setattr(module, "close_removed", lambda *arguments: ([], []))
    monkeypatch.setattr(
        module, "show_again", lambda workspace, client, project: shown.append(project.number) or []
    )
    content = SimpleNamespace(data_for=lambda kind: None, images={}, prepare=lambda images: None)
    server = SimpleNamespace(connection=SimpleNamespace(page="http://here"))
    anything = cast("Any", None)
    push = _Push(
        anything, cast("Any", server), cast("Any", content), PushOptions(), lambda line: None
    )
    monkeypatch.setattr(push, "_images_for", lambda project: [])
    monkeypatch.setattr(push, "_send_page", send_page)
    anna = Person(1, "anna@x.org", "", None, None)
    new = Project(3, 9, anna, "main", new_page=False)
    push._projects = cast("Any", SimpleNamespace(ensure=lambda owner, kind: new))
    push._fill(Project(1, 7, anna, "main", new_page=True))
    push._fill(Project(2, 8, anna, "main", new_page=True))
    assert shown == [9, 8]
    assert sent == [("page", 7), ("tasks", 9), ("page", 8), ("tasks", 8)]
