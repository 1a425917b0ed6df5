"""Long campaigns: kills at seeded moments, and twenty people at once."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.studio.accounts import Annotator, invitation_link, sign_up_or_in
from rsitmd_tools.studio.client import Client
from rsitmd_tools.studio.people import join
from rsitmd_tools.studio.pull import pull
from rsitmd_tools.studio.push import push
from rsitmd_tools.workspace import Workspace

if TYPE_CHECKING:
    from tests.integration.conftest import MakeWorkspace, Tool

pytestmark = [pytest.mark.integration, pytest.mark.soak]

People = list[tuple[str, Annotator]]
KILLS = 20
SETTINGS = "[annotation]\nannotators_per_image = 2\n"
THINK_SECONDS = 8.0


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


def test_twenty_people_at_once(make_workspace: MakeWorkspace, client: Client) -> None:
    """Nobody's text is lost and none is there twice; how long they wait is printed."""
    seconds = float(os.environ.get("RSITMD_LOAD_SECONDS", "300"))
    link = invitation_link(client)
    emails = [f"load{number}@example.org" for number in range(20)]
    people = {
        email: Annotator(client.connection, sign_up_or_in(link, email, "a long password"))
        for email in emails
    }
    folder = make_workspace(images=200, settings='[annotation]\nassignment = "assigned"\n')
    with Workspace.open(folder, write=True) as workspace:
        for email in emails:
            join(workspace, email)
        push(workspace)
        rows = workspace.db.execute(
            "SELECT email, task.server_id FROM task JOIN project ON project.id = project_id"
            " JOIN annotator ON annotator.id = project.annotator_id ORDER BY task.id"
        ).fetchall()
    todo: dict[str, list[int]] = {email: [] for email in emails}
    for row in rows:
        todo[row["email"]].append(row["server_id"])
    waits: list[float] = []
    accepted: Counter[str] = Counter()
    lock = threading.Lock()
    end = time.monotonic() + seconds

    def work(email: str) -> None:
        chance = random.Random(email)
        for task in todo[email]:
            time.sleep(chance.uniform(0.5, 1.5) * THINK_SECONDS)
            if time.monotonic() > end:
                return
            began = time.perf_counter()
            people[email].submit(task, [f"{task} by {email}."], ["red ship"])
            with lock:
                waits.append(time.perf_counter() - began)
                accepted[email] += 1

    with ThreadPoolExecutor(20) as pool:
        for future in [pool.submit(work, email) for email in emails]:
            future.result()
    with Workspace.open(folder, write=True) as workspace:
        report = pull(workspace)
        texts = [row[0] for row in workspace.db.execute("SELECT raw FROM sentence")]
    cuts = quantiles(waits, n=20)
    print(
        f"\n20 people, think time {THINK_SECONDS:g} s, {seconds:g} s: {len(waits)} submitted,"
        f" p50 {cuts[9]:.2f} s, p95 {cuts[18]:.2f} s, longest {max(waits):.2f} s"
    )
    assert report.new == len(waits) == sum(accepted.values())
    assert len(set(texts)) == len(texts) == len(waits)
