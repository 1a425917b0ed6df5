"""Many annotators at once on one server: how long they wait, whether a text is lost.

Run: python benchmarks/load.py [--database sqlite|postgres] [--people N,N] [--seconds N]

Each person asks for the next task as the page does, loads its image, thinks, and submits; all
people have a project of their own. The server is one that `annotate serve` would start. For
`postgres` a PostgreSQL of its own is made on 127.0.0.1, with its defaults; its programs are
found in the path or where Debian puts them. Ends with 1 where a text was lost or is there twice.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import httpx
from machine import Parser, environment, table
from PIL import Image
from studio import add_images

from rsitmd_tools.studio.api.accounts import invitation_link, sign_up_or_in
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import Connection, save_connection
from rsitmd_tools.studio.api.http import open_session
from rsitmd_tools.studio.server.database import PASSWORD
from rsitmd_tools.studio.server.embedded import LOG, EmbeddedServer
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.studio.sync.results import as_result
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import join

SETTINGS = '[annotation]\nassignment = "assigned"\n'
AN_IMAGE = 5  # people
LOCKED = re.compile(r"^.*exception_handler.*database is locked.*$", re.MULTILINE)
POSTGRES = Path("/usr/lib/postgresql")


@dataclass
class Load:
    """What one load did.

    Attributes:
        waits: Seconds waited for ``next task``, ``image`` and ``submit``.
        accepted: Texts that the server said it took, answer 201.
        refused: Answers of 400 and above, and connections that failed, by what they were.
        idle: People who ran out of tasks: the load was less than stated.
        lost: Accepted texts that the pull does not have.
        twice: Texts that the workspace has more than once after the pull.
        doubled: Texts that the server has twice; the pull counts them once.
        locked: How often the server found its SQLite locked; it waits and tries again.
    """

    database: str
    people: int
    think: float
    seconds: float
    waits: dict[str, list[float]] = field(default_factory=dict)
    accepted: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    idle: int = 0
    lost: int = 0
    twice: int = 0
    doubled: int = 0
    locked: int = 0

    def took(self, what: str, began: float) -> None:
        """Note how long a call took."""
        self.waits.setdefault(what, []).append(time.perf_counter() - began)

    def cells(self) -> list[str]:
        """Return a row of the table."""
        told = [self.database, str(self.people), f"{self.think:g}", f"{self.seconds:g}"]
        told += [str(len(self.accepted)), f"{len(self.accepted) / self.seconds:.1f}"]
        told += [
            str(self.lost),
            str(self.twice),
            str(self.doubled),
            str(self.refused.total()),
            str(self.locked),
        ]
        for what in ("next task", "image", "submit"):
            waits = self.waits.get(what, [])
            cuts = quantiles(waits, n=20) if len(waits) > 1 else [float("nan")] * 19
            told.append(f"{cuts[9]:.2f} / {cuts[18]:.2f} / {max(waits, default=0):.2f}")
        return told


COLUMNS = (
    *("database", "people", "think, s", "for, s", "submitted", "a second", "lost", "twice"),
    "doubled",
    *("refused", "locked", "next task, s", "image, s", "submit, s"),
)


class Person:
    """Somebody who captions one image after the other, as by the page."""

    def __init__(self, server: EmbeddedServer, email: str, token: str) -> None:
        self.email = email
        self._session = open_session(server.url)
        self._session.headers["Authorization"] = f"Token {token}"

    def work(self, project: int, load: Load, until: float, lock: threading.Lock) -> None:
        """Caption until a moment of the monotonic clock."""
        chance = random.Random(self.email)
        time.sleep(chance.uniform(0, 1) * load.think)
        while True:
            try:
                task = self._next(project, load)
                if task is None:
                    load.idle += 1
                    return
                time.sleep(chance.uniform(0.5, 1.5) * load.think)
                if time.monotonic() > until:
                    return
                text = f"{task} by {self.email}, {chance.randrange(10**9)}."
                self._submit(task, text, load, lock)
            except httpx.HTTPStatusError as error:
                load.refused[str(error.response.status_code)] += 1
            except httpx.HTTPError as error:
                load.refused[type(error).__name__] += 1
            if time.monotonic() > until:
                return

    def _next(self, project: int, load: Load) -> int | None:
        began = time.perf_counter()
        asked = {"id": "next_task", "project": project}
        answer = self._session.post("/api/dm/actions", params=asked, json={})
        if answer.status_code == 404:
            return None
        task = answer.raise_for_status().json()
        load.took("next task", began)
        began = time.perf_counter()
        self._session.get(task["data"]["image"]).raise_for_status()
        load.took("image", began)
        return int(task["id"])

    def _submit(self, task: int, text: str, load: Load, lock: threading.Lock) -> None:
        result = as_result([text], ["red ship"])
        began = time.perf_counter()
        answer = self._session.post(f"/api/tasks/{task}/annotations/", json={"result": result})
        if answer.raise_for_status().status_code == 201:
            load.took("submit", began)
            with lock:
                load.accepted.append(text)


def campaign(folder: Path, server: EmbeddedServer, emails: Sequence[str], images: int) -> Workspace:
    """Make a workspace whose images lie where the server reads them, and push it."""
    Workspace.create(folder, "load").close()
    (folder / "rsitmd.toml").write_text(SETTINGS, encoding="utf-8")
    workspace = Workspace.open(folder, write=True)
    add_images(workspace, images)
    shared = server.workspace / "renditions" / "images"
    shared.mkdir(parents=True, exist_ok=True)
    workspace.renditions.mkdir(exist_ok=True)
    (workspace.renditions / "images").symlink_to(shared)
    noise = Image.frombytes("RGB", (256, 256), random.Random(0).randbytes(3 * 256 * 256))
    for row in workspace.db.execute("SELECT filename FROM image"):
        noise.save(shared / f"{Path(row['filename']).stem}.png", compress_level=1)
    save_connection(workspace, Connection(server.url, server.url, server.token))
    for email in emails:
        join(workspace, email)
    push(workspace)
    return workspace


def run(folder: Path, server: EmbeddedServer, people: Sequence[Person], load: Load) -> None:
    """Let people work, pull, and see what came."""
    tasks = int(load.seconds / load.think * 1.4) + 6
    images = max(AN_IMAGE, -(-len(people) * tasks // AN_IMAGE))
    before = locked(server)
    with campaign(folder, server, [person.email for person in people], images) as workspace:
        project = dict(
            workspace.db.execute(
                "SELECT email, server_id FROM project JOIN annotator ON annotator.id = annotator_id"
            ).fetchall()
        )
        lock = threading.Lock()
        until = time.monotonic() + load.seconds
        with ThreadPoolExecutor(len(people)) as pool:
            for done in [
                pool.submit(person.work, project[person.email], load, until, lock)
                for person in people
            ]:
                done.result()
        load.doubled = pull(workspace).doubled
        texts = Counter(row[0] for row in workspace.db.execute("SELECT raw FROM sentence"))
    load.lost = sum(text not in texts for text in load.accepted)
    load.twice = sum(count > 1 for count in texts.values())
    load.locked = len(locked(server) - before)


def locked(server: EmbeddedServer) -> set[str]:
    """Return the lines of the server's log which say that the database is locked."""
    log = server.workspace / "studio" / LOG
    return set(LOCKED.findall(log.read_text(errors="replace")))


@contextmanager
def postgres() -> Iterator[str]:
    """Start a PostgreSQL of its own on loopback; yield its address."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, POSTGRES.glob("*/bin"))])
    programs = {name: shutil.which(name, path=path) for name in ("initdb", "pg_ctl", "createdb")}
    if None in programs.values():
        raise SystemExit("no PostgreSQL found: apt-get install postgresql")
    root = hasattr(os, "geteuid") and os.geteuid() == 0  # PostgreSQL refuses to run as root
    who = {"user": "postgres", "group": "postgres", "extra_groups": ()} if root else {}
    folder = Path(tempfile.mkdtemp(prefix="postgres"))
    word = folder / "password"
    os.environ[PASSWORD] = secrets.token_hex(16)
    word.write_text(os.environ[PASSWORD], encoding="ascii")
    if root:
        shutil.chown(folder, "postgres", "postgres")
        shutil.chown(word, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def do(name: str, *arguments: str) -> None:
        subprocess.run([programs[name], *arguments], check=True, cwd=folder,
                       stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, **who)  # type: ignore[call-overload]  # fmt: skip

    data = str(folder / "data")
    try:
        do("initdb", "-D", data, "-U", "ls", "-A", "scram-sha-256", f"--pwfile={word}")
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder}"
        do("pg_ctl", "-D", data, "-l", str(folder / "log"), "-o", options, "-w", "start")
        try:
            do("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "ls", "studio")
            yield f"postgresql://ls@127.0.0.1:{port}/studio"
        finally:
            do("pg_ctl", "-D", data, "-m", "fast", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def loads(database: str, scratch: Path, arguments: argparse.Namespace) -> Iterator[Load]:
    """Run every load on a server of its own with one database."""
    Workspace.create(scratch / "server").close()
    address = None
    if database == "postgres":
        address = arguments.stack.enter_context(postgres())
    with EmbeddedServer(scratch / "server", postgres=address) as server:
        file = server.workspace / "studio" / "data" / "label_studio.sqlite3"
        assert file.exists() == (address is None), "the server uses another database"
        link = invitation_link(Client(Connection("load", server.url, server.token)))
        people = []
        for number in range(max(arguments.people)):
            email = f"load{number}@example.org"
            people.append(Person(server, email, sign_up_or_in(link, email, "a long password")))
        for count in arguments.people:
            load = Load(database, count, arguments.think, arguments.seconds)
            run(scratch / f"people{count}", server, people[:count], load)
            yield load


def main() -> None:
    """Measure and print a table in Markdown."""
    from contextlib import ExitStack

    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--people", type=numbers, default=[20], help="one load each: 20,40")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long each load goes on")
    parser.add_argument("--think", type=float, default=8.0, help="mean seconds before a submit")
    parser.add_argument("--json", type=Path, help="write the loads into this file too")
    arguments = parser.parse_args()
    print(environment("label-studio", seed=0) + "\n", flush=True)
    with ExitStack() as arguments.stack, tempfile.TemporaryDirectory() as scratch:
        done = []
        for load in loads(arguments.database, Path(scratch), arguments):
            print(table(COLUMNS, [load.cells()]), dict(load.refused), load.idle, flush=True)
            done.append(load)
    print("\nWaits: p50 / p95 / longest.")
    print("\n" + table(COLUMNS, [load.cells() for load in done]))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([vars(load) for load in done]), encoding="utf-8")
    sys.exit(any(load.lost or load.twice for load in done))


if __name__ == "__main__":
    main()
