"""Tasks and annotations are deleted, imported and moved by hand, pulls and pushes are killed.

Whatever happens, no text stands under another image than it was written for, and no accepted
text leaves the dataset. On SQLite numbers are given again, on PostgreSQL they are not.
"""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.studio.api.accounts import invitation_link, sign_up_or_in
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.campaign.review import ReviewRequest, review
from rsitmd_tools.studio.server.embedded import EmbeddedServer
from rsitmd_tools.studio.sync.misplaced import check
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.studio.sync.results import annotations_of
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from tests.integration.manual_changes import export_delete_import, import_practice

if TYPE_CHECKING:
    from tests.integration.conftest import AddImages, MakeOwn, Tool

pytestmark = pytest.mark.integration

SETTINGS = '[annotation]\nassignment = "shared"\nannotators_per_image = 2\n'
EMAILS = ("anna@example.org", "berta@example.org")
IMAGES = 6
BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
TURNS = [
    pytest.param("sqlite", 12, id="sqlite-12"),
    pytest.param("sqlite", 150, id="sqlite-150", marks=pytest.mark.soak),
    pytest.param("postgres", 150, id="postgres-150", marks=pytest.mark.soak),
]


class ByHand:
    """A campaign in whose project people write, delete, import and move by chance.

    Attributes:
        accepted: The accepted texts that must stand in the dataset, by image and person.
        done: How often each move was made.
    """

    def __init__(self, folder: Path, tool: Tool) -> None:
        self.folder = folder
        self.accepted: dict[tuple[str, str], str] = {}
        self.done: Counter[str] = Counter()
        self._tool = tool
        self._chance = random.Random(0)
        self._turn = 0
        with Workspace.open(folder, write=True) as workspace:
            self._client = Client(connection_of(workspace))
            push(workspace)
        link = invitation_link(self._client)
        connection = self._client.connection
        self._people = {
            email: Annotator(connection, sign_up_or_in(link, email, "a long password"))
            for email in EMAILS
        }

    def move(self) -> None:
        """Make one move."""
        moves = {
            self._write: 6,
            self._delete_task: 2,
            self._delete_last_and_import: 2,
            self._delete_annotation: 2,
            self._move_project: 1,
            self._accept: 2,
            self._pull: 3,
            self._push: 3,
            self._killed: 2,
        }
        [chosen] = self._chance.choices(list(moves), list(moves.values()))
        chosen()
        self.done[chosen.__name__.strip("_").replace("_", " ")] += 1

    def check(self) -> None:
        """See that every text stands under its image, and that no accepted one is missing."""
        with Workspace.open(self.folder) as workspace:
            images = merged_images(workspace)
        for image in images:
            for sentence in image.sentences:
                assert sentence.raw.startswith(f"Written for {image.filename} by "), sentence
        stands = {(i.filename, str(s.annotator)): s.raw for i in images for s in i.sentences}
        for place, raw in self.accepted.items():
            # The same person may have written anew: then that text counts.
            assert place in stands, (place, raw)

    def finish(self) -> None:
        """Run everything once more: every image has one task, and nothing is misplaced."""
        with Workspace.open(self.folder, write=True) as workspace:
            pull(workspace)
            push(workspace)
            pull(workspace)
        self._accept()
        with Workspace.open(self.folder, write=True) as workspace:
            assert merged_images(workspace, only_accepted=True) == merged_images(workspace)
            again = push(workspace)
            assert (again.new, again.found, again.removed_tasks) == (0, 0, [])
            assert check(workspace).misplaced == []
            tasks = {
                row["server_id"]: row["sha256"]
                for row in workspace.db.execute(
                    "SELECT server_id, sha256 FROM task JOIN image ON image.id = image_id"
                    " WHERE server_id > 0"
                )
            }
            number = workspace.db.execute("SELECT server_id FROM project").fetchone()[0]
        there = {int(t.id): t.data["sha256"] for p in self._client.pages(number) for t in p}
        ours = {task: key for task, key in there.items() if key}
        assert set(Counter(ours.values()).values()) <= {1}
        assert ours == tasks
        self.check()

    def _tasks(self) -> list[Any]:
        with Workspace.open(self.folder) as workspace:
            number = workspace.db.execute("SELECT server_id FROM project").fetchone()[0]
        return [task for page in self._client.pages(number) for task in page]

    def _write(self) -> None:
        tasks = self._tasks()
        if not tasks:
            return
        self._turn += 1
        email = self._chance.choice(EMAILS)
        task = self._chance.choice(tasks)
        text = f"Written for {task.data['filename']} by {email}, turn {self._turn}."
        self._people[email].submit(task.id, [text], ["red ship"])

    def _delete_task(self) -> None:
        if tasks := self._tasks():
            self._client.sdk.tasks.delete(id=str(self._chance.choice(tasks).id))

    def _delete_last_and_import(self) -> None:
        if len(tasks := self._tasks()) > 1:
            self._client.sdk.tasks.delete(id=str(tasks[-1].id))
            with Workspace.open(self.folder) as workspace:
                import_practice(workspace, self._client)
            self._write()

    def _delete_annotation(self) -> None:
        numbers = [int(a["id"]) for task in self._tasks() for a in annotations_of(task)]
        if numbers:  # most often the last one, whose number comes again on SQLite
            number = max(numbers) if self._chance.random() < 0.7 else self._chance.choice(numbers)
            self._client.sdk.annotations.delete(id=number)

    def _move_project(self) -> None:
        with Workspace.open(self.folder) as workspace:
            if any(annotations_of(task) for task in self._tasks()):
                export_delete_import(workspace, self._client)

    def _accept(self) -> None:
        with Workspace.open(self.folder, write=True) as workspace:
            # No rule runs, so every new text is clean.
            review(workspace, ReviewRequest("lead", accept="clean", ignore=("S", "N")))
            rows = workspace.db.execute(
                "SELECT filename, email, raw FROM current_sentence AS sentence"
                " JOIN annotation ON annotation.id = annotation_id"
                " JOIN task ON task.id = task_id JOIN image ON image.id = image_id"
                " JOIN annotator ON annotator.id = annotator_id WHERE state = 'accepted'"
            )
            self.accepted |= {(row["filename"], row["email"]): row["raw"] for row in rows}

    def _pull(self) -> None:
        with Workspace.open(self.folder, write=True) as workspace:
            pull(workspace)

    def _push(self) -> None:
        with Workspace.open(self.folder, write=True) as workspace:
            push(workspace)

    def _killed(self) -> None:
        command = self._chance.choice(("push", "pull"))
        # It may have ended before that answer: then it was not killed.
        with contextlib.suppress(AssertionError):
            self._tool.killed_after(self._chance.randint(2, 12), command, self.folder)


@pytest.fixture
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The address of a PostgreSQL of its own; None for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from load import postgres  # type: ignore[import-not-found]

    try:
        with postgres() as address:
            yield address
    except SystemExit as missing:
        pytest.skip(str(missing))


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("database", "turns"), TURNS, indirect=["database"])
def test_manual_changes_on_the_server_misplace_no_text(
    database: str | None,
    turns: int,
    make_own: MakeOwn,
    add_images: AddImages,
    tool: Tool,
    tmp_path: Path,
) -> None:
    if database is None:
        folder = make_own(images=IMAGES)
    else:  # a new database has no account yet
        folder = tmp_path / "workspace"
        with Workspace.create(folder, "Ports") as workspace:
            add_images(workspace, IMAGES)
    (folder / "rsitmd.toml").write_text(SETTINGS, encoding="utf-8")
    with EmbeddedServer(folder, postgres=database):
        campaign = ByHand(folder, tool)
        for _ in range(turns):
            campaign.move()
            campaign.check()
        campaign.finish()
    print(f"\n{turns} moves: {dict(campaign.done)}; accepted: {len(campaign.accepted)}")
