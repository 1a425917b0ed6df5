"""SIGKILL at 20 seeded moments of a release (`make soak`): run again, it is the same.

The moments are times, so that any step can be hit; `test_bundle_interrupted.py` kills at named
steps.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rsitmd_tools.release import verify_release
from tests.command import command_line
from tests.release.releases import contents

MakeWorkspace = Callable[..., Path]
IMAGES = 200
KILLS = 20


def command(workspace: Path, out: Path) -> list[str]:
    return command_line("build", "release", workspace, "--version", "1.0.0", "-o", out)


def await_partial(started: subprocess.Popen[bytes], out: Path) -> None:
    """Wait until a release has begun to write."""
    while not list(out.parent.glob(f".{out.name}.partial-*")):
        assert started.poll() is None, "it ended before it could be killed"
        time.sleep(0.001)


@pytest.mark.soak
def test_twenty_killed_releases_run_again_are_the_same(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace(images=IMAGES)
    quiet = subprocess.DEVNULL
    started = subprocess.Popen(command(workspace, tmp_path / "whole"), stdout=quiet, stderr=quiet)
    await_partial(started, tmp_path / "whole")
    began = time.monotonic()
    assert started.wait(timeout=60) == 0
    whole, writes = contents(tmp_path / "whole"), time.monotonic() - began
    moments = random.Random(17)
    unfinished = 0
    for number in range(KILLS):
        out = tmp_path / f"out{number}"
        started = subprocess.Popen(command(workspace, out), stdout=quiet, stderr=quiet)
        await_partial(started, out)
        time.sleep(moments.random() * 0.8 * writes)
        started.kill()
        started.wait(timeout=60)
        unfinished += not out.exists()
        # What is there under the final name is complete.
        assert not out.exists() or contents(out) == whole
        subprocess.run(command(workspace, out), check=True, capture_output=True)
        assert contents(out) == whole
        assert verify_release(out).differences == ()
        assert not list(tmp_path.glob(".*"))
    assert unfinished >= KILLS // 2
