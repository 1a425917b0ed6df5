"""A workspace has one release: the same bytes at any time and place, in any environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rsitmd_tools.quality.check import RECORDS
from rsitmd_tools.release.contents import contents_of
from rsitmd_tools.release.validation import records_ahead, validation
from rsitmd_tools.workspace import Workspace
from tests.command import command_line
from tests.release.placed import IMAGES, with_scenes

MakeWorkspace = Callable[..., Path]
# A site module that moves the clock of a process by more than a year. The type `datetime` has its
# own clock, and pandas does not allow to replace it: the two time zones, 17 hours apart, and the
# seconds between two runs show its use.
LATER = """
import time
shift = 400 * 86400
for name, unit in (("time", 1), ("time_ns", 10**9)):
    real = getattr(time, name)
    setattr(time, name, lambda real=real, unit=unit: real() + shift * unit)
for name in ("gmtime", "localtime"):
    real = getattr(time, name)
    setattr(time, name, lambda at=None, real=real: real(time.time() if at is None else at))
"""


def make(workspace: Path, out: Path, **options: object) -> dict[str, bytes]:
    """Make a release by the command; return all files below the folder of ``out``."""
    made = subprocess.run(
        command_line("build", "release", workspace, "--version", "1.0.0", "-o", out, "--tar"),
        capture_output=True,
        text=True,
        check=False,
        **options,  # type: ignore[call-overload]
    )
    assert made.returncode == 0, made.stderr
    root = out if out.is_absolute() else Path(str(options["cwd"])) / out
    return {
        path.relative_to(root.parent).as_posix(): path.read_bytes()
        for path in root.parent.rglob("*")
        if path.is_file()
    }


def one_core() -> None:
    """Restrict a new process as ``taskset -c 0`` does, with the umask of a careful user."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.umask(0o077)


def test_a_release_has_the_same_bytes_in_any_environment(
    make_workspace: MakeWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RSITMD_CACHE", raising=False)
    here = make_workspace(images=IMAGES)
    with_scenes(here)
    there = tmp_path / "Ö b" / "deeper" / "other"
    shutil.copytree(here, there)
    for path in there.rglob("*"):
        os.utime(path, (10**9, 10**9))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(LATER)
    common = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LC_") and name not in ("TZ", "LANG", "PYTHONPATH")
    }
    first = make(
        here,
        tmp_path / "one" / "ports-1.0.0",
        cwd=tmp_path,
        env={
            **common,
            "TZ": "Pacific/Auckland",
            "LC_ALL": "C.UTF-8",
            "PYTHONHASHSEED": "1",
            "RSITMD_CACHE": str(tmp_path / "cache"),
        },
    )
    (tmp_path / "two").mkdir()
    second = make(
        there,
        Path("ports-1.0.0"),
        cwd=tmp_path / "two",
        env={
            **common,
            "TZ": "America/Lima",
            "LC_ALL": "POSIX",
            "PYTHONHASHSEED": "77",
            "PYTHONPATH": str(tmp_path / "site"),
            "RSITMD_CACHE": str(tmp_path / "other-cache"),
            "OMP_NUM_THREADS": "1",
        },
        preexec_fn=one_core,
    )
    assert {"ports-1.0.0/stac.json", "ports-1.0.0/footprints.parquet"} < first.keys()
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_the_clock_of_the_test_is_moved(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(LATER)
    show = "import time; print(time.mktime(time.localtime()) - time.monotonic())"
    times = [
        float(subprocess.check_output([sys.executable, "-c", show], env=environment))
        for environment in (dict(os.environ), {**os.environ, "PYTHONPATH": str(tmp_path)})
    ]
    assert times[1] - times[0] > 300 * 86400


def test_records_that_another_process_checks_have_the_same_findings(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.open(make_workspace()) as workspace:
        content = contents_of(workspace)
        here = validation(content.dataset, workspace.settings, ())
        monkeypatch.setattr("rsitmd_tools.release.validation.MANY", 0)
        with records_ahead(content.dataset, workspace.settings) as records:
            found = records()
        assert all(finding.code.startswith(RECORDS) for finding in found.findings)
        assert validation(content.dataset, workspace.settings, (), records=lambda: found) == here
        fewer = replace(found, findings=found.findings[1:])
        assert validation(content.dataset, workspace.settings, (), records=lambda: fewer) != here
