"""Releases: a full disk, and killed commands that are run again."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.release import ahead
from tests.release.releases import contents, files, release

MakeWorkspace = Callable[..., Path]


@pytest.mark.parametrize(
    ("owner", "name"), [(Path, "write_bytes"), (Path, "write_text"), (os, "posix_fallocate")]
)
def test_a_full_disk_is_a_one_line_error_and_leaves_nothing(
    make_workspace: MakeWorkspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
) -> None:
    workspace = make_workspace()
    out = tmp_path / "out"
    real, calls = getattr(owner, name), []

    def full(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, full)
    with pytest.raises(RsitmdError, match=r"no space left.*free some space") as caught:
        release(workspace, out)
    assert str(caught.value).startswith(str(out))
    assert not out.exists()
    assert not list(tmp_path.glob(".*"))
    monkeypatch.undo()
    release(workspace, out)
    files(out)


def test_an_error_of_the_disk_while_a_release_is_written(
    make_workspace: MakeWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(folder: Path) -> bool:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    workspace = make_workspace()
    out = tmp_path / "out"
    monkeypatch.setattr(ahead, "SECONDS", 0.001)
    monkeypatch.setattr(ahead, "sync_file_system", fails)
    with pytest.raises(RsitmdError, match=r"cannot be written .*input/output error"):
        release(workspace, out)
    assert not out.exists()
    assert not list(tmp_path.glob(".*"))


KILLED = """
import os, signal, sys
from pathlib import Path
from unittest import mock
from rsitmd_tools import atomic
from rsitmd_tools.release import bundle, images
from rsitmd_tools.workspace import Workspace

workspace, out, place, calls = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
owners = {"rename": Path, "sync_path": atomic, "_check_pixels": images}
owner, name = owners.get(place, bundle), place
real = getattr(owner, name)

def killed(*arguments, **options):
    global calls
    calls -= 1
    if calls == 0 or (place == "sync_path" and Path(out).exists()):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)

setattr(owner, name, killed)
with Workspace.open(Path(workspace)) as opened:
    bundle.make_release(opened, "1.0.0", Path(out))
"""


@pytest.mark.parametrize(
    ("place", "call"),
    [("_check_pixels", 4), ("write_prior", 2), ("write_checksums", 1), ("rename", 1)],
)
def test_a_killed_release_run_again_is_the_same(
    make_workspace: MakeWorkspace, tmp_path: Path, place: str, call: int
) -> None:
    workspace = make_workspace()
    out = tmp_path / "out"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(workspace), str(out), place, str(call)], check=False
    )
    assert killed.returncode == -9
    assert not out.exists()
    assert list(tmp_path.glob(".out.partial-*"))
    release(workspace, out)
    assert not list(tmp_path.glob(".*"))
    release(workspace, tmp_path / "reference")
    assert contents(out) == contents(tmp_path / "reference")


def test_a_release_killed_after_its_last_rename_is_complete(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace()
    out = tmp_path / "out"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(workspace), str(out), "sync_path", "0"], check=False
    )
    assert killed.returncode == -9
    before = contents(out)
    again = release(workspace, out)
    assert contents(out) == before
    assert again == release(workspace, tmp_path / "reference")
