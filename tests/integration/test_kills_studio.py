"""SIGKILL of the server and of the assist while people write; then one more run of everything.

Each campaign is killed 20 times, one kill after the other (`make soak`), or 3 times.
"""

from __future__ import annotations

import itertools
import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.accounts import invitation_link, sign_up_or_in
from rsitmd_tools.studio.api.calls import Refused, Unanswered
from rsitmd_tools.studio.api.client import Client, server_time
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.assist.run import TITLE, Assist
from rsitmd_tools.studio.server.embedded import EmbeddedServer
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from tests.integration.rewriting import rewrite

if TYPE_CHECKING:
    from tests.integration.conftest import AddImages, MakeOwn, ProcessesOf, Tool

pytestmark = pytest.mark.integration

KILLS = [pytest.param(3, id="3"), pytest.param(20, id="20", marks=pytest.mark.soak)]
EMAILS = ("anna@example.org", "berta@example.org", "clara@example.org")
SETTINGS = "[annotation]\nannotators_per_image = 2\n"
MORE = 3  # new images before each push
# Between two texts of a person, by the number of kills: few kills find a server that is less busy.
THINK_SECONDS = {3: 1.0, 20: 0.3}


class Key(NamedTuple):
    """A person's work on one task; the number is the server's."""

    email: str
    task: int


class Campaign:
    """Three people who write, and what the server has confirmed to them.

    Attributes:
        sure: The text of each annotation whose last change the server has confirmed.
        maybe: Texts that were sent and not answered.
        confirmed: How many times the server has confirmed.
    """

    def __init__(self, folder: Path, add_images: AddImages, think: float) -> None:
        self.folder = folder
        self._think = think
        self.sure: dict[Key, str] = {}
        self.maybe: dict[Key, str] = {}
        self.confirmed = 0
        self._images = 0
        self._add_images = add_images
        self._turns = itertools.count(1)
        with Workspace.open(folder) as workspace:
            link = invitation_link(Client(connection_of(workspace)))
        self._tokens = {email: sign_up_or_in(link, email, "a long password") for email in EMAILS}

    def grow(self) -> None:
        """Take in more images."""
        with Workspace.open(self.folder, write=True) as workspace:
            self._add_images(workspace, MORE, first=self._images + 1)
        self._images += MORE

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All write while the block runs, again and again, until the server is gone."""
        stop = threading.Event()
        before = self.confirmed
        with ThreadPoolExecutor(len(EMAILS)) as pool:
            futures: list[Future[None]] = [pool.submit(self._write, e, stop) for e in EMAILS]
            try:
                # Without tasks, as before the first push, they have ended at once.
                wanted = before + len(EMAILS)
                while self.confirmed < wanted and not all(f.done() for f in futures):
                    time.sleep(0.01)
                yield
            finally:
                stop.set()
        for future in futures:
            future.result()

    def _write(self, email: str, stop: threading.Event) -> None:
        with Workspace.open(self.folder) as workspace:
            connection = connection_of(workspace)
            rows = workspace.db.execute(
                "SELECT task.server_id FROM task JOIN project ON project.id = project_id"
                " JOIN annotator ON annotator.id = annotator_id WHERE email = ?"
                " ORDER BY task.id DESC",
                (email,),
            ).fetchall()
        try:
            person = Annotator(connection, self._tokens[email])
            for row in itertools.cycle(rows):
                if stop.wait(self._think):
                    return
                self._send(person, Key(email, row["server_id"]))
        except RsitmdError as error:
            if isinstance(error, Refused):
                raise
            assert "connection failed" in str(error) or "Label Studio does not answer" in str(error)

    def _send(self, person: Annotator, key: Key) -> None:
        turn = next(self._turns)
        text = f"There {'are many boats' if turn % 2 else 'is one boat'} at berth {turn}."
        self.maybe[key] = text
        if key in self.sure:
            rewrite(person, key.task, [text], ["white boat"])
        else:
            person.submit(key.task, [text], ["white boat"])
        self.sure[key] = self.maybe.pop(key)
        self.confirmed += 1

    def run_once_more_and_check(self) -> str:
        """Push and pull: every task is there once, every annotation that was confirmed too."""
        with Workspace.open(self.folder, write=True) as workspace:
            push(workspace)
            pull(workspace)
            again = push(workspace)
            assert (again.new, again.found, again.changed) == (0, 0, 0)
            client = Client(connection_of(workspace))
            people = dict(
                workspace.db.execute(
                    "SELECT project.server_id, email FROM project"
                    " JOIN annotator ON annotator.id = annotator_id"
                ).fetchall()
            )
            known = {
                row[0]: row[1]
                for row in workspace.db.execute(
                    "SELECT task.server_id, filename FROM task JOIN image ON image.id = image_id"
                )
            }
            rows = workspace.db.execute(
                "SELECT email, task.server_id, sentence.raw FROM annotation"
                " JOIN sentence ON annotation_id = annotation.id"
                " JOIN task ON task.id = task_id"
                " JOIN annotator ON annotator.id = annotation.annotator_id"
                " WHERE latest AND deleted_at IS NULL"
            ).fetchall()
        assert {p.id for p in client.sdk.projects.list()} == set(people)
        there = {n: [t for page in client.pages(n) for t in page] for n in people}
        tasks = [task for entries in there.values() for task in entries]
        assert {task.id: task.data["filename"] for task in tasks} == known
        for entries in there.values():
            assert set(Counter(task.data["filename"] for task in entries).values()) <= {1}
        twice = Counter(task.data["filename"] for task in tasks)
        assert len(twice) == self._images
        assert set(twice.values()) == {2}

        stored = {Key(row[0], row[1]): row[2] for row in rows}
        # A server whose database was locked repeats the request, and can store a text twice. `pull`
        # counts such copies once.
        assert len(stored) == len(rows) == sum(bool(task.annotations) for task in tasks)
        assert set(self.sure) <= set(stored)
        for key, text in stored.items():
            assert text in (self.sure.get(key), self.maybe.get(key)), key
        self.sure, self.maybe = stored, {}
        return f"{len(known)} of {2 * self._images} once | {len(stored)} of {len(stored)}"


class Serving:
    """``annotate serve`` in a process of its own."""

    def __init__(self, tool: Tool, folder: Path) -> None:
        self.process = tool.start("annotate", "serve", folder)
        while not (line := self.process.stdout.readline()).startswith("Press Ctrl-C"):
            assert line, self.process.communicate()[1]

    def end(self) -> str:
        """Wait until it has ended, killed or not; return what it said last."""
        _, err = self.process.communicate(timeout=60)
        return err.splitlines()[-1]


@pytest.mark.parametrize("kills", KILLS)
def test_the_server_is_killed(
    kills: int, make_own: MakeOwn, add_images: AddImages, tool: Tool, processes_of: ProcessesOf
) -> None:
    """In turn the server's process and the one that serves it, at a push and at a pull."""
    chance = random.Random(0)
    folder = make_own(images=0)
    (folder / "rsitmd.toml").write_text(SETTINGS, encoding="utf-8")
    serving = Serving(tool, folder)
    trials = []
    try:
        campaign = Campaign(folder, add_images, THINK_SECONDS[kills])
        for trial in range(kills):
            command = ("push", "pull")[trial % 2]
            served = trial // 2 % 2 == 1
            if command == "push":
                campaign.grow()
            # The first push makes three projects; every run makes nine calls and more.
            answers = chance.randint(1, 9)
            delay = chance.choice((0.0, 0.005, 0.02, 0.05))
            victims = [serving.process.pid] if served else processes_of(folder)
            before = campaign.confirmed
            with campaign.writing():
                done = tool.killed_after(answers, command, folder, victims, delay)
            said = serving.end()
            if served:
                assert serving.process.returncode == -signal.SIGKILL
            else:
                assert serving.process.returncode == 1
                assert said.startswith("error: ")
                assert "Label Studio ended with code -9" in said
            assert "Traceback" not in done.stderr
            if done.returncode:
                assert done.stderr.splitlines()[-1].startswith("error: ")
            lost = len(campaign.maybe)
            serving = Serving(tool, folder)
            counted = campaign.run_once_more_and_check()
            trials.append(
                f"| {trial + 1} | {'serve' if served else 'Label Studio'} | {command}, {answers}"
                f" + {delay * 1000:.0f} ms | {campaign.confirmed - before} | {lost} | {counted} |"
            )
    finally:
        serving.process.send_signal(signal.SIGINT)
        serving.process.communicate(timeout=60)
    assert campaign.confirmed > kills
    print(
        "\n| trial | killed | at | confirmed | not answered | tasks | annotations |\n"
        "|---|---|---|---|---|---|---|\n" + "\n".join(trials)
    )


def push_patiently(workspace: Workspace) -> None:
    """Push; on a machine so busy that an answer takes minutes, once more, as the error says."""
    try:
        push(workspace)
    except Unanswered:
        print("the server did not answer in time; push again")
        push(workspace)


@pytest.mark.parametrize("kills", KILLS)
def test_the_assist_is_killed(
    kills: int, make_own: MakeOwn, add_images: AddImages, tool: Tool
) -> None:
    """While it connects, catches up and follows; people go on, and the next start catches up."""
    chance = random.Random(0)
    folder = make_own(images=0)
    (folder / "rsitmd.toml").write_text(SETTINGS, encoding="utf-8")
    trials = []
    with EmbeddedServer(folder, assist=True):
        campaign = Campaign(folder, add_images, THINK_SECONDS[kills])
        campaign.grow()
        campaign.run_once_more_and_check()
        with Assist(folder):
            pass
        for trial in range(kills):
            # Three projects: where they are connected, then the pages and the hints.
            answers = chance.randint(1, 16) if trial % 2 == 0 else chance.randint(17, 60)
            before = campaign.confirmed
            with campaign.writing(), ThreadPoolExecutor(1) as pool:
                assist = pool.submit(tool.killed_after, answers, "assist", folder)
                campaign.grow()
                with Workspace.open(folder, write=True) as workspace:
                    push_patiently(workspace)
                    pull(workspace)
                assist.result()
                while_it_lived = campaign.confirmed
                while campaign.confirmed < while_it_lived + 3 * len(EMAILS):
                    time.sleep(0.05)
            assert not campaign.maybe  # nobody was hindered
            counted = campaign.run_once_more_and_check()
            with Assist(folder) as again:
                url = again.backend.url
                hints = hints_of(folder, url)
                wrong = {
                    key: (text, hints[key.task])
                    for key, text in campaign.sure.items()
                    if ("many" in text) != ("says 'many'" in hints[key.task])
                }
                assert not wrong
            trials.append(
                f"| {trial + 1} | {answers} | {while_it_lived - before}"
                f" + {campaign.confirmed - while_it_lived} | {counted}"
                f" | {len(campaign.sure)} of {len(campaign.sure)} right |"
            )
    print(
        "\n| trial | killed after answer | confirmed, before + after it | tasks | annotations"
        " | hints |\n|---|---|---|---|---|---|\n" + "\n".join(trials)
    )


def pushed(folder: Path) -> tuple[Client, list[int]]:
    """Push; return the server and the numbers of the tasks."""
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        rows = workspace.db.execute("SELECT server_id FROM task ORDER BY id")
        return Client(connection_of(workspace)), [row["server_id"] for row in rows]


def test_a_change_that_was_announced_late_is_caught_up(make_own: MakeOwn) -> None:
    """The assist was killed when it had dealt with a later change and not with this one."""
    folder = make_own(images=2)
    with EmbeddedServer(folder, assist=True) as server:
        client, tasks = pushed(folder)
        with Assist(folder):
            pass
        lead = Annotator(client.connection, server.token)
        lead.submit(tasks[0], ["There are many boats at the pier."], ["white boat"])
        lead.submit(tasks[1], ["There is one boat at the pier."], ["white boat"])
        later = client.sdk.annotations.list(id=tasks[1])[0].updated_at
        project = client.sdk.tasks.get(id=str(tasks[0])).project
        state = folder / "studio" / "assist.json"
        state.write_text(json.dumps({str(project): server_time(later)}), encoding="utf-8")
        with Assist(folder) as again:
            hints = hints_of(folder, again.backend.url)
        assert "says 'many'" in hints[tasks[0]]


def test_a_change_is_caught_up_after_a_clock_was_ahead(make_own: MakeOwn) -> None:
    """The state has a time that the server will only reach in days."""
    folder = make_own(images=2)
    with EmbeddedServer(folder, assist=True) as server:
        client, tasks = pushed(folder)
        lead = Annotator(client.connection, server.token)
        lead.submit(tasks[0], ["There are many boats at the pier."], ["white boat"])
        with Assist(folder):
            pass
        project = client.sdk.tasks.get(id=str(tasks[0])).project
        state = folder / "studio" / "assist.json"
        ahead = server_time(datetime.now(UTC) + timedelta(days=2))
        state.write_text(json.dumps({str(project): ahead}), encoding="utf-8")
        lead.submit(tasks[1], ["There are many boats in the bay."], ["white boat"])
        with Assist(folder) as again:
            hints = hints_of(folder, again.backend.url)
        assert "says 'many'" in hints[tasks[1]]
        assert json.loads(state.read_text(encoding="utf-8"))[str(project)] < ahead


def test_an_assist_killed_while_it_connects_leaves_no_stale_url(
    make_own: MakeOwn, tool: Tool
) -> None:
    folder = make_own(images=1)
    with EmbeddedServer(folder, assist=True):
        with Workspace.open(folder, write=True) as workspace:
            push(workspace)
        with Assist(folder):
            pass
        # After the people and the backends: hooks, the old hook taken away, the old backend.
        for answers in (3, 4, 5):
            tool.killed_after(answers, "assist", folder)
            with Assist(folder) as again:
                hints_of(folder, again.backend.url)


def hints_of(folder: Path, url: str) -> dict[int, str]:
    """Return the hint of each task, and see that each project names one assist, this one."""
    with Workspace.open(folder) as workspace:
        client = Client(connection_of(workspace))
        projects = [row[0] for row in workspace.db.execute("SELECT server_id FROM project")]
    hints = {}
    for number in projects:
        assert [(ml.title, ml.url) for ml in client.sdk.ml.list(project=number)] == [(TITLE, url)]
        hooks = client.sdk.webhooks.list(project=str(number))
        assert [hook.url for hook in hooks] == [f"{url}/webhook"]
        for page in client.pages(number, annotations=False):
            hints |= {int(task.id): str(task.data["hint"]) for task in page}
    return hints
