"""Long campaigns: kills at seeded moments."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import join

if TYPE_CHECKING:
    from tests.integration.conftest import MakeWorkspace, Tool

pytestmark = [pytest.mark.integration, pytest.mark.soak]

People = list[tuple[str, Annotator]]
KILLS = 20
SETTINGS = "[annotation]\nannotators_per_image = 2\n"


def test_push_and_pull_are_killed_at_twenty_moments_each(
    make_workspace: MakeWorkspace, annotators: People, client: Client, tool: Tool
) -> None:
    """After each kill one more run: every task once, every annotation there."""
    chance = random.Random(0)
    trials: list[str] = []
    for trial in range(KILLS):
        folder = make_workspace(images=6, settings=SETTINGS)
        with Workspace.open(folder, write=True) as workspace:
            for email, _ in annotators[:3]:
                join(workspace, email)
        # Lead, accounts, projects; for each of three people a project, the tasks.
        moment = chance.randint(1, 11)
        tool.killed_after(moment, "push", folder)
        with Workspace.open(folder, write=True) as workspace:
            push(workspace)
            rows = workspace.db.execute(
                "SELECT project.server_id, email FROM project"
                " JOIN annotator ON annotator.id = annotator_id"
            ).fetchall()
            there = {
                row["email"]: [t for p in client.pages(row["server_id"]) for t in p] for row in rows
            }
            names = Counter(t.data["filename"] for tasks in there.values() for t in tasks)
            assert set(names.values()) == {2}
            assert len(names) == 6
            for email, person in annotators[:3]:
                for task in there[email]:
                    person.submit(task.id, [f"{task.data['filename']} by {email}."], ["red ship"])
        # Lead, accounts; for each of three projects its head, two pages, the empty one.
        later = chance.randint(1, 14)
        tool.killed_after(later, "pull", folder)
        with Workspace.open(folder, write=True) as workspace:
            pull(workspace)
            stored = workspace.db.execute(
                "SELECT count(*), count(DISTINCT server_id) FROM annotation"
            ).fetchone()
            assert tuple(stored) == (12, 12)
        trials.append(f"| {trial + 1} | {moment} | {later} | 12 of 12 once | 12 of 12 |")
    print("\n| trial | push killed after answer | pull killed after answer | tasks | annotations |")
    print("|---|---|---|---|---|")
    print("\n".join(trials))
