"""``benchmark suite`` from the command line: bad arguments, kills, Ctrl-C, several jobs."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rsitmd_tools.cli import main
from tests.baselines.suite.conftest import CHANGES, CONFIGS
from tests.forks import Forked, Nursery

FILES = ("results.jsonl", "table.md", "table.tex")


def arguments(data: Path, out: Path, *more: str) -> list[str]:
    sets = [part for change in CHANGES for part in ("--set", change)]
    chosen = ["--configs", ",".join(CONFIGS), "--seeds", "0-1", "--device", "cpu"]
    return ["benchmark", "suite", str(data), "-o", str(out), *chosen, *sets, *more]


def until(started: Forked, when: Callable[[], bool]) -> None:
    """Wait until something is true of a command that runs."""
    while not when():
        assert started.poll() is None, started.stderr.read()
        time.sleep(0.002)


def stopped(started: Forked, sent: int) -> tuple[int | None, str]:
    """Send a command a signal; return its exit code and stderr."""
    started.send_signal(sent)
    _, said = started.communicate(timeout=120)
    return started.returncode, said


@pytest.fixture(scope="module")
def whole(
    tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory, training_commands: Nursery
) -> Path:
    """A suite without interruption."""
    out: Path = tmp_path_factory.mktemp("undisturbed") / "suite"
    ran = training_commands.run(*arguments(tiny_folder, out))
    assert ran.returncode == 0, ran.stderr
    assert f"report: {out / 'report.html'}" in ran.stdout
    assert "vsepp − m1" in ran.stdout and "estimate: about" in ran.stdout
    assert (out / "report.html").read_text().startswith("<!DOCTYPE html>")
    return out


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        (["--configs", "vsepp,no-such"], 1, "no-such: unknown configuration"),
        (["--configs", ""], 2, "empty name"),
        (["--configs", "vsepp,vsepp"], 2, "names vsepp twice"),
        (["--seeds", "0,1,0"], 2, "seed 0 repeats"),
        (["--seeds", "0-2,1"], 2, "seed 1 repeats"),
        (["--seeds", "4-0"], 2, "--seeds 4-0: the range 4-0 is empty; use 0-4"),
        (["--seeds", "-1"], 2, "--seeds"),
        (["--seeds", "0-5000000"], 2, "at most 1000 seeds"),
        (["--folds", "1"], 2, "folds"),
        (["--jobs", "0"], 2, "jobs"),
        (["--budget", "0"], 2, "budget"),
        (["--budget", "nan"], 2, "budget"),
        (["--set", "seed=1"], 2, "use --seeds"),
        (["--set", "weights=no.safetensors"], 1, "no.safetensors: does not exist"),
        (["--device", "tpu"], 2, "tpu"),
        (["--cache", "/dev/null/x"], 1, "use another folder for --cache"),
    ],
)
def test_bad_arguments_are_one_line_errors(
    tmp_path: Path,
    tiny_folder: Path,
    capsys: pytest.CaptureFixture[str],
    given: list[str],
    code: int,
    message: str,
) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*arguments(tiny_folder, tmp_path / "s"), *given])
    printed = capsys.readouterr().err
    assert stop.value.code == code and message in printed and "Traceback" not in printed
    assert not (tmp_path / "s").exists()


def test_changes_that_no_configuration_reads_are_named(
    tmp_path: Path, tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unread = ["--set", "scan.lambda1=3", "--set", "attention=soft"]
    with pytest.raises(SystemExit) as stop:
        main([*arguments(tiny_folder, tmp_path / "s"), *unread, "--dry-run"])
    printed = capsys.readouterr().err
    assert stop.value.code == 0, printed
    assert "scan.lambda1 has no effect with model=vsepp or model=amfmn" in printed
    # m1 of the suite reads the attention.
    assert "attention has" not in printed


def test_data_that_do_not_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments(tmp_path / "gone", tmp_path / "s"))
    assert stop.value.code == 1
    assert f"PATH {tmp_path / 'gone'}: does not exist" in capsys.readouterr().err


def test_a_dry_run_prints_the_plan_and_writes_nothing(
    tmp_path: Path, tiny_folder: Path, training_commands: Nursery
) -> None:
    ran = training_commands.run(*arguments(tiny_folder, tmp_path / "s", "--dry-run"))
    assert ran.returncode == 0, ran.stderr
    assert "2 configurations, 4 runs on tiny (24 training and 8 test images)" in ran.stdout
    assert "estimate: about" in ran.stdout and "for 4 runs" in ran.stdout
    assert not (tmp_path / "s").exists()


def test_a_configuration_that_cannot_run_is_told_before_the_night(
    tmp_path: Path, tiny_folder: Path, training_commands: Nursery
) -> None:
    broken = arguments(tiny_folder, tmp_path / "s", "--dry-run", "--set", "backbone=no-such")
    ran = training_commands.run(*broken)
    assert ran.returncode == 1 and "vsepp cannot be calibrated: " in ran.stderr
    assert "no-such" in ran.stderr and "estimate: unknown" in ran.stdout


def test_a_report_that_cannot_be_written_hides_no_results(
    tmp_path: Path, tiny_folder: Path, whole: Path, training_commands: Nursery
) -> None:
    out = Path(shutil.copytree(whole, tmp_path / "s"))
    (out / "report.html").unlink()
    (out / "report.html").mkdir()
    ran = training_commands.run(*arguments(tiny_folder, out))
    assert ran.returncode == 1 and "vsepp − m1" in ran.stdout
    assert f"table: {out / 'table.md'}" in ran.stdout and "report:" not in ran.stdout
    (line,) = [line for line in ran.stderr.splitlines() if line.startswith("error: ")]
    assert f"{out / 'report.html'}: cannot be written" in line


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "while it calibrates": lambda out: (out / "suite.json").exists(),
    "in the first training": lambda out: any(out.glob("runs/*/*/checkpoints/last.ckpt")),
    "in the first evaluation": lambda out: any(out.glob("runs/*/*/queries.csv")),
    "between two runs": lambda out: (out / "results.jsonl").exists(),
    "in the last run": lambda out: (out / "runs" / "m1" / "seed-1" / "run.json").exists(),
}


def test_a_suite_that_is_killed_again_and_again(
    tmp_path: Path, tiny_folder: Path, whole: Path, training_commands: Nursery
) -> None:
    out = tmp_path / "cut"
    for moment, reached in MOMENTS.items():
        started = training_commands.start(*arguments(tiny_folder, out))
        until(started, lambda reached=reached: reached(out))  # type: ignore[misc]
        code, _ = stopped(started, signal.SIGKILL)
        assert code == -signal.SIGKILL, moment
    ran = training_commands.run(*arguments(tiny_folder, out))
    assert ran.returncode == 0, ran.stderr
    assert "3 finished, 1 left" in ran.stdout
    for name in FILES:
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    assert (out / "report.html").exists() and not (out / ".rsitmd-cache").exists()


def test_ctrl_c_exits_with_130_and_a_hint(
    tmp_path: Path, tiny_folder: Path, training_commands: Nursery
) -> None:
    out = tmp_path / "s"
    long = arguments(tiny_folder, out, "--set", "epochs=5000")
    started = training_commands.start(*long)
    until(started, lambda: any(out.glob("runs/*/*/checkpoints/last.ckpt")))
    # A second suite is refused meanwhile.
    other = training_commands.run(*long)
    assert other.returncode == 1 and "Traceback" not in other.stderr
    (error,) = [line for line in other.stderr.splitlines() if not line.startswith("note: ")]
    assert "another command is writing to this suite: rsitmd" in error
    code, said = stopped(started, signal.SIGINT)
    assert code == 130 and "Traceback" not in said
    assert "interrupted; finished work is kept. Run the same command again to continue." in said


def test_two_jobs(
    tmp_path: Path, tiny_folder: Path, whole: Path, training_commands: Nursery
) -> None:
    """One is killed by the system: the others go on, and the next command finishes it."""
    out = tmp_path / "s"
    ran = training_commands.run(*arguments(tiny_folder, out, "--jobs", "2"), script=ONE_IS_KILLED)
    assert ran.returncode == 1, ran.stderr
    assert "error: 1 run failed:" in ran.stderr
    assert "m1 seed 0: its process ended with code -9 (often: out of memory)" in ran.stderr
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert [(r["config"], r["seed"]) for r in rows] == [("vsepp", 0), ("vsepp", 1), ("m1", 1)]
    assert "epoch 1/1" in (out / "runs" / "vsepp" / "seed-0.log").read_text()
    ran = training_commands.run(*arguments(tiny_folder, out))
    assert ran.returncode == 0, ran.stderr
    for name in FILES:
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name


# Kills the process of a run, as the system does when memory ends.
ONE_IS_KILLED = """
import os, signal, sys
from pathlib import Path
import rsitmd_tools.baselines.suite.work as work
from rsitmd_tools.cli import main

ended = work.Workers.ended

def killing(self):
    for worker in self._all:
        if worker.run is not None and worker.run.label == "m1 seed 0":
            os.kill(worker.process.pid, signal.SIGKILL)
    yield from ended(self)

work.Workers.ended = killing
main(sys.argv[1:])
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_the_jobs_of_a_stopped_suite_end(
    tmp_path: Path, tiny_folder: Path, training_commands: Nursery, sent: signal.Signals
) -> None:
    out = tmp_path / "s"
    started = training_commands.start(
        *arguments(tiny_folder, out, "--jobs", "2", "--set", "epochs=100000")
    )
    until(started, lambda: any(out.glob("runs/*/*/checkpoints/last.ckpt")))
    code, said = stopped(started, sent)
    assert code == (130 if sent == signal.SIGINT else -sent) and "Traceback" not in said
    deadline = time.monotonic() + 60
    while _processes_of(out):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _processes_of(out: Path) -> list[Path]:
    """Return the processes that hold a file of a suite open."""
    found = []
    for file in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(file.readlink()).startswith(str(out)):
                found.append(file)
        except OSError:
            continue
    return found
