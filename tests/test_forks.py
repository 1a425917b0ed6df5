"""Commands that are forked from a process with the imports behave as fresh processes."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forks import Nursery
from tests.namespaces import need_mounts, read_only


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery(["json", "a_module_that_does_not_exist"])
    yield made
    made.close()


def test_the_command_line_runs_in_a_folder_with_an_environment(
    nursery: Nursery, tmp_path: Path
) -> None:
    environment = {**os.environ, "COLUMNS": "60"}
    done = nursery.run("build", "init", "w", folder=tmp_path, environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "w" / "rsitmd.toml").is_file()
    wrong = nursery.run("nonsense")
    assert wrong.returncode == 2
    assert "No such command 'nonsense'" in wrong.stderr


def test_a_script_has_modules_that_were_imported_and_its_own_arguments(nursery: Nursery) -> None:
    script = (
        "import os, sys; print('json' in sys.modules, sys.argv, __name__, os.environ['WHO'])\n"
        "print('ü', file=sys.stderr); sys.exit(3)"
    )
    done = nursery.run("a b", script=script, environment={**os.environ, "WHO": "me"})
    assert done.returncode == 3
    assert done.stdout == "True ['-c', 'a b'] __main__ me\n"
    assert done.stderr == "ü\n"
    assert "WHO" not in os.environ


def test_exceptions_and_exit_handlers_are_those_of_an_interpreter(nursery: Nursery) -> None:
    done = nursery.run(script="import atexit; atexit.register(print, 'end'); 1 / 0")
    assert (done.returncode, done.stdout) == (1, "end\n")
    assert done.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_signals_reach_one_command_only(nursery: Nursery, sent: signal.Signals, code: int) -> None:
    script = (
        "import sys, time\n"
        "try:\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt: sys.exit(130)"
    )
    one, other = nursery.start(script=script), nursery.start(script=script)
    assert one.stdout.readline() == other.stdout.readline() == "ready\n"
    assert one.poll() is None
    one.send_signal(sent)
    assert one.wait(30) == code
    assert other.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        other.wait(0.01)
    other.kill()
    assert other.communicate(30) == ("", "")
    assert other.returncode == -9
    one.communicate()


def test_two_commands_draw_different_random_numbers(nursery: Nursery) -> None:
    drawn = {nursery.run(script="import random; print(random.random())").stdout for _ in range(2)}
    assert len(drawn) == 2


def test_a_mount_is_seen_by_one_command_only(nursery: Nursery, tmp_path: Path) -> None:
    need_mounts()
    script = f"open({str(tmp_path / 'x')!r}, 'w')"
    refused = nursery.run(script=script, mount=read_only(tmp_path))
    assert "Read-only file system" in refused.stderr
    assert nursery.run(script=script).returncode == 0
