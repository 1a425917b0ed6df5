"""SIGKILL and SIGINT during an ingest; then the same command gives what it would have given.

Kills of release, train, push and pull stand with their own tests.
"""

from __future__ import annotations

import os
import pty
import random
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rsitmd_tools.workspace import Workspace
from tests.command import command_line
from tests.contents import Contents, contents
from tests.integration.processes import await_end, await_files

IMAGES = 240


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    for seed in range(IMAGES):
        coarse = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        file = folder / ("port", "farm", "beach")[seed % 3] / f"{seed}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(coarse).save(file)
    (folder / "port" / "200.png").write_bytes(b"damaged")
    return folder


def command(workspace: Path, source: Path, *more: str) -> list[str]:
    return command_line("build", "ingest", workspace, source, *more)


def begin(workspace: Path, source: Path, *more: str) -> subprocess.Popen[bytes]:
    Workspace.create(workspace).close()
    settings = workspace / "rsitmd.toml"
    settings.write_text(settings.read_text().replace("image_size = 256", "image_size = 64"))
    return subprocess.Popen(
        # Beside other work it must not end before the test has seen its files.
        ["nice", "-n", "19", *command(workspace, source, *more)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Contents:
    workspace = tmp_path_factory.mktemp("whole") / "w"
    started = begin(workspace, source)
    assert started.communicate(timeout=120)[0].startswith(b"images: 240 added, 0 known, 1 rejected")
    return contents(workspace)


@pytest.mark.parametrize(("seed", "workers"), [(0, "1"), (1, "2"), (2, "2")])
def test_a_killed_ingest_run_again_is_the_same(
    tmp_path: Path, source: Path, whole: Contents, seed: int, workers: str
) -> None:
    kill_and_run_again(tmp_path / "w", source, whole, seed, workers)


@pytest.mark.soak
def test_twenty_killed_ingests_run_again_are_the_same(
    tmp_path: Path, source: Path, whole: Contents
) -> None:
    for seed in range(20):
        kill_and_run_again(tmp_path / f"w{seed}", source, whole, seed, "12"[seed % 2])


def kill_and_run_again(
    workspace: Path, source: Path, whole: Contents, seed: int, workers: str
) -> None:
    moment = random.Random(f"{seed} {workers}").randrange(1, IMAGES - 60)
    started = begin(workspace, source, "--workers", workers)
    await_files(started, workspace, moment)
    started.kill()
    started.communicate(timeout=60)
    assert started.returncode == -signal.SIGKILL
    await_end(started.pid)
    assert contents(workspace) != whole
    again = subprocess.run(command(workspace, source), capture_output=True, timeout=120)
    assert again.returncode == 0, again.stderr
    assert contents(workspace) == whole


@pytest.mark.parametrize(("workers", "moment"), [("1", 70), ("2", 1)])
def test_ctrl_c_exits_with_130_and_explains_how_to_continue(
    tmp_path: Path,
    source: Path,
    whole: Contents,
    workers: str,
    moment: int,
) -> None:
    workspace = tmp_path / "w"
    started = begin(workspace, source, "--workers", workers)
    await_files(started, workspace, moment)
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does: to the whole group
    out, said = started.communicate(timeout=60)
    assert started.returncode == 130
    line = b"interrupted; finished work is kept. Run the same command again to continue.\n"
    assert (out, said.lstrip()) == (b"", line)  # click ends the line of the ^C first
    await_end(started.pid)
    subprocess.run(command(workspace, source), check=True, capture_output=True, timeout=120)
    assert contents(workspace) == whole


def test_a_terminal_shows_a_bar_and_stdout_contains_only_json(tmp_path: Path, source: Path) -> None:
    Workspace.create(tmp_path / "w").close()
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(tmp_path / "w", source / "farm", "--json"),
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    ) as started:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # Linux says EIO when all writers have gone
            pass
        assert started.stdout is not None
        document = started.stdout.read()
    os.close(ours)
    assert document.startswith(b"{") and document.endswith(b"}\n")
    assert "━".encode() in shown and b"ingest" in shown
