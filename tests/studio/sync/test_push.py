"""What a push says about the labeling page of a project."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from rsitmd_tools.studio.sync.projects import Project
from rsitmd_tools.studio.sync.push import PushOptions, _Push

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
