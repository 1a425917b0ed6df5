"""Push, pull and incremental pull against the bare calls of the same server, in one run.

Run: python benchmarks/studio.py [--images N] [--sizes N,N,N]

A Label Studio of its own is started on this machine. Rates are ratios to a bare call that is
made in the same run: one bulk import of the same JSON, and paging through the same tasks.
"""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from machine import Parser, environment

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import Connection, connection_of, save_connection
from rsitmd_tools.studio.server.embedded import EmbeddedServer
from rsitmd_tools.studio.sync.pull import PAGE, pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.studio.sync.results import as_result
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import join
from rsitmd_tools.workspace.store import utc_now

PEOPLE = 5
CHANGES = 100
SHARED = '[annotation]\nassignment = "shared"\n'
WORDS = ("two", "white", "grey", "red", "ships", "boats", "lie", "beside", "the", "long", "quay")


@contextmanager
def clock(into: dict[str, float], name: str) -> Iterator[None]:
    """Time a block."""
    began = time.perf_counter()
    yield
    into[name] = time.perf_counter() - began


def workspace_of(folder: Path, images: int, server: EmbeddedServer, assigned: bool) -> Workspace:
    """Make a workspace whose renditions stand already; the server does not read them."""
    Workspace.create(folder, "benchmark").close()
    if not assigned:
        (folder / "rsitmd.toml").write_text(SHARED, encoding="utf-8")
    workspace = Workspace.open(folder, write=True)
    add_images(workspace, images)
    renditions = workspace.renditions / "images"
    renditions.mkdir(parents=True)
    for row in workspace.db.execute("SELECT filename FROM image"):
        (renditions / f"{Path(row['filename']).stem}.png").touch()
    where = Connection(server.url, server.url, server.token, "https://images.example.org")
    save_connection(workspace, where)
    if assigned:
        for person in range(PEOPLE):
            join(workspace, f"person{person}@example.org")
    return workspace


def add_images(workspace: Workspace, images: int) -> None:
    """Write rows of images as an ingest would; there are no files."""
    with workspace.transaction() as db:
        for number in range(1, images + 1):
            key = hashlib.sha256(f"{workspace.path.name} {number}".encode()).hexdigest()
            db.execute(
                "INSERT INTO image (sha256, filename, category, number, source, width, height,"
                " pixel_sha256, phash, ingested_at) VALUES (?, ?, ?, ?, 's', 256, 256, ?, 'h', ?)",
                (key, f"class{number % 30}_{number}.tif", f"class{number % 30}", number, key,
                 utc_now()),
            )  # fmt: skip


def bare_import(client: Client, workspace: Workspace) -> float:
    """Import the same JSON into a project of its own in one request; return seconds."""
    number = workspace.db.execute("SELECT server_id FROM project").fetchone()[0]
    page = client.sdk.projects.get(id=number).label_config
    data = [t.data for tasks in client.pages(number, annotations=False, size=1000) for t in tasks]
    other = client.sdk.projects.create(title="bare", label_config=page)
    seconds: dict[str, float] = {}
    with clock(seconds, "import"):
        client.sdk.projects.import_tasks(id=other.id, request=[{"data": entry} for entry in data])
    return seconds["import"]


def annotate(server: EmbeddedServer, workspace: Workspace, chance: random.Random) -> int:
    """Give every task an annotation by each of five people, straight in the server's database.

    By its API 25 000 annotations would take half an hour. The rows are those that the API
    makes; time stamps are now.
    """
    rows = workspace.db.execute("SELECT project.server_id, task.server_id FROM task"
                                " JOIN project ON project.id = project_id").fetchall()  # fmt: skip
    file = server.workspace / "studio" / "data" / "label_studio.sqlite3"
    with sqlite3.connect(file, timeout=60) as db:
        columns = [r[1] for r in db.execute("PRAGMA table_info(task_completion)")]
        template = _template(db, columns)
        many = []
        for project, task in rows:
            for _ in range(PEOPLE):
                words = " ".join(chance.choices(WORDS, k=11))
                result = as_result([f"{words.capitalize()}."], ["red ship"])
                many.append(_row(template, columns, project, task, result))
        marks = ", ".join("?" * len(columns))
        db.executemany(f"INSERT INTO task_completion ({', '.join(columns)}) VALUES ({marks})", many)
        db.executemany(
            "UPDATE task SET total_annotations = ?, updated_at = ? WHERE id = ?",
            [(PEOPLE, _now(), task) for _, task in rows],
        )
    db.close()
    return len(many)


def _template(db: sqlite3.Connection, columns: list[str]) -> dict[str, Any]:
    row = db.execute(f"SELECT {', '.join(columns)} FROM task_completion LIMIT 1").fetchone()
    return dict(zip(columns, row, strict=True))


def _row(
    template: dict[str, Any], columns: list[str], project: int, task: int, result: Any
) -> list[Any]:
    values = {
        **template,
        "id": None,
        "task_id": task,
        "project_id": project,
        "result": json.dumps(result),
        "unique_id": uuid.uuid4().hex,
        "created_at": _now(),
        "updated_at": _now(),
    }
    return [values[name] for name in columns]


def _now() -> str:
    return utc_now().replace("T", " ").removesuffix("+00:00")


def bare_paging(client: Client, workspace: Workspace) -> float:
    """Page through all tasks with their annotations, as pull does, and do nothing with them."""
    seconds: dict[str, float] = {}
    numbers = [row[0] for row in workspace.db.execute("SELECT server_id FROM project")]
    with clock(seconds, "paging"):
        for number in numbers:
            for _ in client.pages(number, size=PAGE):
                pass
    return seconds["paging"]


def change(client: Client, workspace: Workspace, chance: random.Random) -> None:
    """Change annotations through the server's API."""
    rows = [r[0] for r in workspace.db.execute("SELECT server_id FROM annotation WHERE latest")]
    for number in chance.sample(rows, CHANGES):
        words = " ".join(chance.choices(WORDS, k=11))
        client.sdk.annotations.update(id=number, result=as_result([words], ["red ship"]))


def age(server: EmbeddedServer, workspace: Workspace) -> None:
    """Make all that is on the server a day older, as in a campaign of weeks.

    What changed within two hours before the newest change is listed by every pull; right
    after a benchmark has written everything that is the whole project.
    """
    number = workspace.db.execute("SELECT server_id FROM project").fetchone()[0]
    file = server.workspace / "studio" / "data" / "label_studio.sqlite3"
    with sqlite3.connect(file, timeout=60) as db:
        db.execute(
            "UPDATE task SET updated_at = datetime(updated_at, '-1 day') WHERE project_id = ?",
            (number,),
        )
    db.close()


def seconds_of(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return how long a call takes, and what it returns."""
    began = time.perf_counter()
    answer = function()
    return time.perf_counter() - began, answer


def main() -> None:
    """Measure and print tables in Markdown."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--sizes", default="1000,5000,25000", help="annotations")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    chance = random.Random(0)
    print(environment("label-studio", "label-studio-sdk", seed=0) + "\n")
    with tempfile.TemporaryDirectory() as scratch:
        Workspace.create(Path(scratch, "server")).close()
        with EmbeddedServer(Path(scratch, "server")) as server:
            print(f"| push of {arguments.images} images | seconds | times the rate of bare |")
            print("|---|---|---|")
            for assigned in (False, True):
                folder = Path(scratch, f"push{assigned}")
                with workspace_of(folder, arguments.images, server, assigned) as workspace:
                    client = Client(connection_of(workspace))
                    first, report = seconds_of(lambda: push(workspace))
                    again, _ = seconds_of(lambda: push(workspace))
                    bare = bare_import(client, workspace)
                    count = report.new
                    rate = (count / first) / (_size(workspace) / bare)
                    mode = f"{report.mode}, {count} tasks"
                    print(f"| bare import, {_size(workspace)} tasks | {bare:.2f} | 1 |")
                    print(f"| {mode} | {first:.2f} | {rate:.2f} |")
                    print(f"| {mode}, nothing to do | {again:.2f} | |", flush=True)
            columns = ("annotations", "bare paging, s", "first pull, s", "times the rate")
            columns += (
                f"{CHANGES} changes, all else new, s",
                f"{CHANGES} changes, all else old, s",
            )
            print("\n| " + " | ".join(columns) + " |")
            print("|---|---|---|---|---|---|")
            for size in sizes:
                folder = Path(scratch, f"pull{size}")
                with workspace_of(folder, size // PEOPLE, server, assigned=False) as workspace:
                    client = Client(connection_of(workspace))
                    push(workspace)
                    task = workspace.db.execute("SELECT server_id FROM task").fetchone()[0]
                    one = client.sdk.annotations.create(id=task, result=as_result(["A."], []))
                    count = annotate(server, workspace, chance)
                    client.sdk.annotations.delete(id=one.id)
                    bare = bare_paging(client, workspace)
                    first, report = seconds_of(lambda: pull(workspace))
                    assert report.new == count, report
                    change(client, workspace, chance)
                    changed, report = seconds_of(lambda: pull(workspace))
                    assert report.changed == CHANGES, report
                    age(server, workspace)
                    change(client, workspace, chance)
                    later, report = seconds_of(lambda: pull(workspace))
                    assert report.changed == CHANGES, report
                    print(f"| {count} | {bare:.1f} | {first:.1f} | {bare / first:.2f} |"
                          f" {changed:.1f} | {later:.1f} |", flush=True)  # fmt: skip


def _size(workspace: Workspace) -> int:
    """Return how many tasks the first project holds."""
    row = workspace.db.execute(
        "SELECT count(*) FROM task WHERE project_id = (SELECT min(id) FROM project)"
    ).fetchone()
    return int(row[0])


if __name__ == "__main__":
    main()
