"""A real Label Studio for the whole run, and workspaces to use it with."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.studio.api.accounts import invitation_link, sign_up_or_in
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import Connection, save_connection
from rsitmd_tools.studio.server.embedded import FIRST_START, EmbeddedServer
from rsitmd_tools.studio.server.port import FILENAME as PORT_FILE
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.store import utc_now
from tests.builders import add
from tests.forks import Forked, Nursery
from tests.integration.relay import Relay
from tests.integration.unfinished import write_unfinished_database

PASSWORD = "a long password for tests"
NOWHERE = "https://images.example.org/folder"


def draw(path: Path, number: int) -> None:
    """Draw a small scene that differs from number to number."""
    image = Image.new("RGB", (256, 256), (40, 90, 50))
    pen = ImageDraw.Draw(image)
    for step in range(number % 5 + 1):
        x, y = 20 + 45 * step, 20 + 13 * (number % 12)
        pen.rectangle([x, y, x + 30, y + 30], fill=(200, 20 * step, (37 * number) % 256))
    image.save(path, format="TIFF")


Draw = Callable[[Path, int], None]


@pytest.fixture(scope="session", name="draw")
def draw_scene() -> Draw:
    """The function that draws a small scene."""
    return draw


def _add_images(
    workspace: Workspace, count: int, category: str = "harbour", first: int = 1
) -> None:
    with workspace.transaction() as db:
        for number in range(first, first + count):
            filename = f"{category}_{number}.tif"
            draw(workspace.images / filename, number)
            key = hashlib.sha256(f"{category} {number}".encode()).hexdigest()
            add(
                db, "image", sha256=key, category=category, number=number, source="drawn",
                width=256, height=256, pixel_sha256=key, ingested_at=utc_now(),
            )  # fmt: skip


AddImages = Callable[..., None]


@pytest.fixture(scope="session")
def add_images() -> AddImages:
    """A function that puts drawn images into a workspace, as an ingest would."""
    return _add_images


@dataclass(frozen=True)
class Tool:
    """The command line, run as a user runs it, in processes of its own."""

    nursery: Nursery

    def start(self, *arguments: object) -> Forked:
        return self.nursery.start(*arguments)

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return self.nursery.run(*arguments)

    def run_script(self, script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run Python source that calls the command line under other conditions."""
        return self.nursery.run(*arguments, script=script)

    def killed_after(
        self,
        answers: int,
        command: str,
        folder: Path,
        victims: Sequence[int] = (),
        delay: float = 0.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run push, pull or assist, and kill when the server has answered ``answers`` calls.

        Args:
            answers: How many calls.
            command: The command of ``annotate``.
            folder: The workspace.
            victims: The processes to kill; the command itself by default.
            delay: Seconds from that answer to the kill.
        """
        script = f"""
import os, signal, sys, threading
from rsitmd_tools.cli import main
from rsitmd_tools.studio.sync import pull, push
from rsitmd_tools.studio.api.client import Client
push.BATCH = pull.PAGE = 2
call, seen = Client.call, 0
def kill():
    for process in {list(victims)} or [os.getpid()]:
        os.kill(process, signal.SIGKILL)
def counted(self, *args, **kwargs):
    global seen
    answer = call(self, *args, **kwargs)
    seen += 1
    if seen == {answers}:
        threading.Timer({delay}, kill).start() if {delay} else kill()
    return answer
Client.call = counted
main(["annotate", "{command}", sys.argv[1]])
"""
        process = self.run_script(script, folder)
        expected = (0, 1) if victims else (-signal.SIGKILL,)
        assert process.returncode in expected, process.stderr
        return process


@pytest.fixture(scope="session")
def tool(commands: Nursery) -> Tool:
    return Tool(commands)


@pytest.fixture(scope="session")
def started_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder ``studio/`` of a server that has run once, shared by all test processes.

    It is that of a first start after one that was killed in its migrations.

    The first start runs the migrations of Label Studio, which takes half a minute. A server that
    begins with a copy of this folder starts in a few seconds. ``RSITMD_TEST_SERVER`` names a folder
    that keeps it for later runs of the tests.
    """
    pytest.importorskip("label_studio", reason="Label Studio is not installed: make install")
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "started-once"
    shared = Path(os.environ.get("RSITMD_TEST_SERVER", shared))
    shared.mkdir(exist_ok=True)
    folder = shared / "workspace"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)  # a test process was killed in its start
            with Workspace.create(folder):
                write_unfinished_database(folder / "studio")
                (folder / "studio" / FIRST_START).touch()
                with EmbeddedServer(folder) as server:
                    lead = Client(Connection("tests", server.url, server.token))
                    assert lead.own_number() == 1
            # Servers that begin as copies run at the same time: each takes its own port.
            (folder / "studio" / PORT_FILE).unlink()
            (shared / "ready").touch()
    return folder / "studio"


MakeOwn = Callable[..., Path]


@pytest.fixture(scope="session")
def make_own(tmp_path_factory: pytest.TempPathFactory, started_once: Path) -> MakeOwn:
    """A function that makes a workspace for a server of its own."""

    def make(images: int = 5) -> Path:
        folder = tmp_path_factory.mktemp("own") / "wörk space & 'more'"
        with Workspace.create(folder, "Häfen") as workspace:
            _add_images(workspace, images)
        shutil.copytree(started_once, folder / "studio")
        return folder

    return make


@pytest.fixture(scope="session")
def server(make_own: MakeOwn) -> Iterator[EmbeddedServer]:
    """The server of the whole run, in a workspace of its own."""
    with EmbeddedServer(make_own(images=0)) as running:
        yield running


@pytest.fixture(scope="session")
def client(server: EmbeddedServer) -> Client:
    return Client(Connection("tests", server.url, server.token))


@pytest.fixture(scope="session")
def annotators(client: Client) -> list[tuple[str, Annotator]]:
    """Five people who signed up by invitation, with their addresses."""
    link = invitation_link(client)
    emails = [f"{name}@example.org" for name in ("anna", "berta", "clara", "dora", "emil")]
    return [
        (email, Annotator(client.connection, sign_up_or_in(link, email, PASSWORD)))
        for email in emails
    ]


MakeWorkspace = Callable[..., Path]


@pytest.fixture
def make_workspace(tmp_path: Path, server: EmbeddedServer) -> MakeWorkspace:
    """A function that makes workspaces connected to the server of the whole run."""
    numbers = itertools.count(1)

    def make(images: int = 5, how: str = NOWHERE, settings: str = "", url: str = "") -> Path:
        folder = tmp_path / f"workspace {next(numbers)}"
        Workspace.create(folder, f"{tmp_path.name} ä").close()
        if settings:
            (folder / "rsitmd.toml").write_text(settings, encoding="utf-8")
        address = url or server.url
        with Workspace.open(folder, write=True) as workspace:
            _add_images(workspace, images)
            save_connection(workspace, Connection(server.url, address, server.token, how))
        return folder

    return make


@pytest.fixture
def relay(server: EmbeddedServer) -> Iterator[Relay]:
    made = Relay(server.url)
    yield made
    made.close()


ProcessesOf = Callable[[Path], list[int]]


@pytest.fixture(scope="session")
def processes_of() -> ProcessesOf:
    """A function that returns the server processes of a workspace."""

    def look(folder: Path) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                here = entry.name.isdigit() and (entry / "cwd").readlink()
                if here == folder.resolve() / "studio":
                    found.append(int(entry.name))
        return found

    return look
