"""Progress: a bar if stderr is a terminal, otherwise plain lines."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from rsitmd_tools import progress as module
from rsitmd_tools.progress import no_progress, progress, track


def test_plain_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 0.0)
    with progress("ingest", 3) as step:
        step()
        step(2)
    printed = capsys.readouterr()
    assert printed.err.splitlines() == ["ingest: 1/3", "ingest: 3/3", "ingest: 3/3 done"]
    assert printed.out == ""


def test_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(iter(range(1000)), "read")) == list(range(1000))
    assert capsys.readouterr().err == "read: 1000 done\n"


def test_a_failure_is_not_reported_as_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), progress("ingest", 3):
        raise ZeroDivisionError
    assert "done" not in capsys.readouterr().err


def test_nothing_is_printed_for_no_items(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track([], "read")) == []
    assert capsys.readouterr().err == ""


BAR = """
from rsitmd_tools.progress import track
for _ in track(range(7), "ingest"):
    pass
print("result")
"""


def test_a_bar_on_a_terminal_and_stdout_stays_clean() -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-c", BAR], stdout=subprocess.PIPE, stderr=theirs, env=environment
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # Linux says EIO when all writers have gone
        pass
    os.close(ours)
    assert done.stdout == b"result\n"
    assert b"\x1b[" in shown and "━".encode() in shown
    assert b"ingest" in shown and b"7/7" in shown


def test_a_server_shows_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with no_progress(), progress("encode", 3) as step:
        step(3)
    assert capsys.readouterr().err == ""
    list(track([1], "read"))
    assert capsys.readouterr().err == "read: 1/1 done\n"
