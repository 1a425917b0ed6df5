"""``annotate serve``: on loopback, secrets kept, no orphans, found again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.api.running import running_server
from rsitmd_tools.studio.api.secrets import Secrets, make_secrets, save_secrets, secrets_of
from rsitmd_tools.studio.server.embedded import FIRST_START, SQLITE, EmbeddedServer
from rsitmd_tools.studio.sync import pull as pull_module
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from tests.integration.unfinished import write_unfinished_database

if TYPE_CHECKING:
    from tests.forks import Forked
    from tests.integration.conftest import MakeOwn, ProcessesOf, Tool

pytestmark = pytest.mark.integration


@pytest.fixture
def started(tool: Tool) -> Iterator[Callable[..., tuple[Forked, str]]]:
    """A function that serves a workspace; it returns the process and what it printed."""
    processes = []

    def start(folder: Path, *options: object) -> tuple[Forked, str]:
        process = tool.start("annotate", "serve", folder, *options)
        processes.append(process)
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("Press Ctrl-C"):
                break
        return process, said

    yield start
    for process in processes:
        process.kill()
        process.communicate()


Started = Callable[..., tuple["Forked", str]]


def gone(processes_of: ProcessesOf, folder: Path) -> bool:
    """Wait until no server process of a workspace is left, and none of its threads."""
    for _ in range(300):
        if not processes_of(folder) and running_server(folder / "studio") is None:
            return True
        time.sleep(0.1)
    return False


def test_serve_prints_url_and_account_and_ends_on_ctrl_c(
    make_own: MakeOwn, started: Started, tool: Tool, processes_of: ProcessesOf
) -> None:
    folder = make_own()
    process, said = started(folder)
    secrets = secrets_of(folder / "studio")
    running = running_server(folder / "studio")
    assert running is not None
    url = running.url
    assert said.startswith(f"Label Studio: {url}\n")
    assert str(folder / "studio" / "secrets.json") in said
    assert secrets.email in said

    # Secrets: in files of their owner, in no process list, in nothing printed.
    for name in ("secrets.json", "server.json"):
        assert (folder / "studio" / name).stat().st_mode & 0o777 == 0o600
    assert (folder / "studio").stat().st_mode & 0o777 == 0o700
    children = processes_of(folder)
    assert children
    for pid in (process.pid, *children):
        shown = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
        assert secrets.password not in shown
        assert secrets.token not in shown

    # On loopback only.
    port = int(str(url).rpartition(":")[2])
    assert listening_addresses(port) == {"0100007F"}

    # Another one is refused; the others find this one by themselves.
    second = tool.run("annotate", "serve", folder)
    assert second.returncode == 1
    assert f"the server of this workspace is already running at {url}" in second.stderr
    pushed = tool.run("annotate", "push", folder, "--json")
    assert json.loads(pushed.stdout)["new"] == 5

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Run the same command again" in err
    assert gone(processes_of, folder)
    assert not (folder / "studio" / "server.json").exists()
    for text in (said, out, err, (folder / "studio" / "server.log").read_text(encoding="utf-8")):
        assert secrets.password not in text
        assert secrets.token not in text
    stopped = tool.run("annotate", "pull", folder)
    assert stopped.returncode == 1
    assert (
        "Label Studio is not running for this workspace; to start it, run in another terminal:"
        " rsitmd annotate serve" in stopped.stderr
    )

    # A restart finds everything again.
    process, _ = started(folder)
    assert json.loads(tool.run("annotate", "push", folder, "--json").stdout)["known"] == 5


def listening_addresses(port: int) -> set[str]:
    """Return the addresses, in the kernel's notation, at which a port is listened to."""
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    ends = [line.split()[1].split(":") for line in lines if line.split()[3] == "0A"]
    return {address for address, number in ends if int(number, 16) == port}


def test_a_killed_serve_leaves_no_orphan_and_no_stale_address(
    make_own: MakeOwn, started: Started, tool: Tool, processes_of: ProcessesOf
) -> None:
    folder = make_own()
    process, _ = started(folder)
    process.kill()
    process.wait()
    assert gone(processes_of, folder)
    assert (folder / "studio" / "server.json").exists()  # stale now
    assert json.loads(tool.run("annotate", "status", folder, "--json").stdout)["url"] is None
    started(folder)
    assert tool.run("annotate", "push", folder).returncode == 0


def test_a_serve_killed_while_it_starts_leaves_no_orphan(
    make_own: MakeOwn, tool: Tool, processes_of: ProcessesOf
) -> None:
    folder = make_own()
    process = tool.start("annotate", "serve", folder)
    while not processes_of(folder):
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert gone(processes_of, folder)
    with EmbeddedServer(folder) as server:
        assert running_server(folder / "studio") == (server.url, "", str(folder))


def test_a_first_start_killed_in_its_migration_is_started_again(
    make_own: MakeOwn, started_once: Path
) -> None:
    """Label Studio cannot continue such a migration: it ends with an error at every start."""
    folder = make_own()
    studio = folder / "studio"
    shutil.rmtree(studio)
    write_unfinished_database(studio)
    make_secrets(studio)  # so it is no lost one
    with pytest.raises(RsitmdError, match="Label Studio ended with code 1"):
        EmbeddedServer(folder).start()
    # With the mark of a first start it is begun anew: the servers of all tests were started so.
    assert not (started_once / FIRST_START).exists()
    with closing(sqlite3.connect(started_once / SQLITE)) as db:
        [count] = db.execute("SELECT count(*) FROM django_migrations").fetchone()
    assert count > 100


def test_a_port_in_use_is_a_one_line_error(make_own: MakeOwn, tool: Tool) -> None:
    folder = make_own(images=0)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        answer = tool.run("annotate", "serve", folder, "--port", port)
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1] == (
        f"error: 127.0.0.1:{port}: another program uses this port; use another port with --port"
    )


def test_a_restart_keeps_the_port_and_stops_when_another_program_uses_it(
    make_own: MakeOwn, started: Started, tool: Tool, processes_of: ProcessesOf
) -> None:
    folder = make_own(images=0)

    def stop(process: Forked) -> None:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert gone(processes_of, folder)

    process, first = started(folder)
    url = first.splitlines()[0].removeprefix("Label Studio: ")
    port = int(url.rpartition(":")[2])
    stop(process)
    process, again = started(folder)
    assert again.splitlines()[0] == f"Label Studio: {url}"
    stop(process)

    # Nothing is started on another port.
    with socket.create_server(("127.0.0.1", port)):
        refused = tool.run("annotate", "serve", folder)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == (
        f"error: 127.0.0.1:{port}: another program uses the port of the last start; stop that"
        f" program, or use another port with --port; links with port {port} then stop"
        " working"
    )
    assert running_server(folder / "studio") is None

    # Another port, chosen by --port, is kept from then on.
    with socket.create_server(("127.0.0.1", 0)) as probe:
        other = probe.getsockname()[1]
    process, chosen = started(folder, "--port", other)
    assert chosen.splitlines()[0] == f"Label Studio: http://127.0.0.1:{other}"
    stop(process)
    process, kept = started(folder)
    assert kept.splitlines()[0] == f"Label Studio: http://127.0.0.1:{other}"
    stop(process)


def test_a_token_that_the_server_does_not_know_is_replaced(make_own: MakeOwn) -> None:
    """As after a first start that was killed between the account and its token."""
    folder = make_own(images=0)
    made = secrets_of(folder / "studio")
    save_secrets(folder / "studio", Secrets(made.server, made.email, made.password, "0" * 40))
    with EmbeddedServer(folder) as server, Workspace.open(folder) as workspace:
        assert server.token == made.token
        Client(connection_of(workspace)).check()


def test_the_server_stops_between_two_pages_of_a_pull(
    make_own: MakeOwn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_module, "PAGE", 2)
    folder = make_own()
    pages = Client.pages
    with Workspace.open(folder, write=True) as workspace:
        with EmbeddedServer(folder) as server:
            push(workspace)
            lead = Annotator(connection_of(workspace), server.token)
            for row in workspace.db.execute("SELECT server_id FROM task").fetchall():
                lead.submit(row["server_id"], ["Words."], ["red ship"])

            def stop_after_the_first(self, *args, **options):  # type: ignore[no-untyped-def]
                for page in pages(self, *args, **options):
                    yield page
                    if "only" in options:  # not in the list of what changed
                        server.stop()

            with monkeypatch.context() as patch, pytest.raises(RsitmdError) as stopped:
                patch.setattr(Client, "pages", stop_after_the_first)
                pull(workspace)
            assert str(stopped.value).endswith("Label Studio does not answer; start the server")
        assert workspace.db.execute("SELECT count(*) FROM annotation").fetchone()[0] == 2
        with EmbeddedServer(folder):
            assert pull(workspace).new == 3
        assert [image.captions for image in merged_images(workspace)] == [("Words.",)] * 5
