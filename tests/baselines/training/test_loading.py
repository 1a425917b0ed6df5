"""Loading processes: too little shared memory, killed, hanging. Each is an error of one line."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rsitmd_tools.baselines.data import loading
from rsitmd_tools.baselines.data.loading import choose_workers, loading_error
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import save_dataset
from tests.baselines.training.common import SMALL, losses
from tests.forks import Nursery
from tests.namespaces import need_mounts, shared_memory_of

MIB = 2**20
# Free shared memory is reported as unknown, as if another process filled it after the check.
UNSEEN = (
    "import sys; from rsitmd_tools.baselines.data import loading;"
    "from rsitmd_tools.cli import main;"
    "loading.shared_memory_free = lambda: None; main(sys.argv[1:])"
)
IMPATIENT = (
    "import sys; from rsitmd_tools.baselines.data import loading;"
    "from rsitmd_tools.cli import main;"
    "loading.LIMIT_SECONDS = 5.0; main(sys.argv[1:])"
)
# The loading process stops after it announced a batch and before it sends its memory.
HANDING_OVER = (
    "import os, signal, sys, time; from multiprocessing import resource_sharer;"
    "from rsitmd_tools.baselines.data import loading; from rsitmd_tools.cli import main;"
    "loading.LIMIT_SECONDS = 5.0;"
    "resource_sharer._ResourceSharer._serve ="
    " lambda self: (time.sleep(1), os.kill(os.getpid(), signal.SIGSTOP));"
    "main(sys.argv[1:])"
)


@pytest.fixture(scope="module")
def data(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("data") / "tiny"
    save_dataset(tiny, folder, "rsitmd")
    shutil.copytree(tiny.image_folder or "", folder / "images", dirs_exist_ok=True)
    return folder


def training(data: Path, run: Path, *more: str, side: int = 32) -> list[str]:
    """Return arguments of a training with batches of 22 images, 12.6 MB at 224 pixels."""
    changes = [*SMALL, f"image_size={side}", "batch_size=24", "epochs=1"]
    sets = [part for change in changes for part in ("--set", change)]
    asked = ["benchmark", "train", str(data), "--config", "vsepp", "--device", "cpu"]
    return [*asked, *sets, "-o", str(run), *more]


@pytest.fixture
def run_in(training_commands: Nursery) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that trains with a small shared memory of so many MB."""

    def run(
        megabytes: int, *arguments: str, script: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        need_mounts()
        mount = shared_memory_of(megabytes)
        return training_commands.run(*arguments, script=script, mount=mount)

    return run


RunIn = Callable[..., subprocess.CompletedProcess[str]]


def test_a_small_shared_memory_trains_by_default(data: Path, tmp_path: Path, run_in: RunIn) -> None:
    found = run_in(8, *training(data, tmp_path / "small", side=224))
    assert found.returncode == 0, found.stderr
    assert found.stderr.splitlines()[0] == (
        "/dev/shm: 8 MB of shared memory free, 1 loading process can need 51 MB; loading images in"
        " the training process, which is slower; start the container with --shm-size 64m, or use"
        " --workers 0"
    )
    assert found.stderr.count("shared memory") == 1
    silent = run_in(8, *training(data, tmp_path / "r", "--workers", "0", side=224))
    assert silent.returncode == 0
    assert "shared memory" not in silent.stderr
    # The draws do not depend on the process that loads the images.
    assert losses(tmp_path / "small") == losses(tmp_path / "r")


def test_requested_processes_that_do_not_fit_are_an_error(
    data: Path, tmp_path: Path, run_in: RunIn
) -> None:
    found = run_in(8, *training(data, tmp_path / "r", "--workers", "2", side=224))
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == (
        "error: /dev/shm: 8 MB of shared memory free, 2 loading processes can need 76 MB; "
        "start the container with --shm-size 128m, or use --workers 0\n"
    )
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("devices", [1, 2])
def test_a_full_shared_memory_is_an_error(
    data: Path, tmp_path: Path, run_in: RunIn, devices: int
) -> None:
    asked = training(data, tmp_path / "r", "--devices", str(devices), "--workers", "1", side=224)
    found = run_in(4, *asked, script=UNSEEN)
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == (
        "error: /dev/shm: the shared memory is full; start the container with a larger "
        "--shm-size, or run the same command with --resume and --workers 0"
    )
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("sent", "script", "line"),
    [
        (
            signal.SIGKILL,
            None,
            "a data loading process was killed by the system (often: out of memory); run the same "
            "command with --resume and --workers 0, or train with a smaller batch "
            "(--set batch_size=N) into a new folder",
        ),
        (
            signal.SIGSTOP,
            IMPATIENT,
            "a data loading process returned no batch for 5 s; check the disk of the images, or "
            "run the same command with --resume and --workers 0",
        ),
    ],
    ids=["killed", "hanging"],
)
def test_a_loading_process_that_returns_nothing_ends_the_training(
    data: Path,
    tmp_path: Path,
    training_commands: Nursery,
    sent: signal.Signals,
    script: str | None,
    line: str,
) -> None:
    run = tmp_path / "r"
    sets = ("--set", "epochs=100000", "--set", "batch_size=8")
    started = training_commands.start(*training(data, run, "--workers", "1", *sets), script=script)
    loaders = set()
    try:
        until = time.monotonic() + 240
        while started.poll() is None and time.monotonic() < until:
            # Each epoch has its own loading process; one that has ended is not missed.
            for loader in loading_processes(started.pid, run):
                loaders.add(loader)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(loader, sent)
            time.sleep(0.05)
        out, err = started.communicate(timeout=1)
    finally:
        started.kill()
        started.wait()
    assert (started.returncode, out) == (1, "")
    assert err.splitlines()[-1] == f"error: {run}: {line}"
    assert "Traceback" not in err and "unexpected" not in err
    for loader in loaders:
        with pytest.raises(ProcessLookupError):
            os.kill(loader, 0)


def test_a_loading_process_that_stops_while_it_sends_a_batch_ends_the_training(
    data: Path, tmp_path: Path, training_commands: Nursery
) -> None:
    asked = training(data, tmp_path / "r", "--workers", "1")
    done = training_commands.run(*asked, script=HANDING_OVER, timeout=240)
    assert (done.returncode, done.stdout) == (1, "")
    assert "a data loading process returned no batch for 5 s" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_training_process_of_several_that_is_killed_is_a_one_line_error(
    data: Path, tmp_path: Path, training_commands: Nursery
) -> None:
    run = tmp_path / "r"
    sets = ("--set", "epochs=100000", "--set", "batch_size=8")
    started = training_commands.start(
        *training(data, run, "--workers", "0", "--devices", "2", *sets)
    )
    try:
        until = time.monotonic() + 240
        while started.poll() is None and time.monotonic() < until:
            for process in loading_processes(started.pid, run):
                line = Path(f"/proc/{process}/cmdline").read_text()
                if "spawn_main" in line:
                    os.kill(process, signal.SIGKILL)
                    break
            time.sleep(0.1)
        out, err = started.communicate(timeout=60)
    finally:
        started.kill()
        started.wait()
    assert (started.returncode, out) == (1, "")
    assert f"error: {run}: a training process was killed by the system" in err
    assert "unexpected" not in err


def loading_processes(training: int, run: Path) -> list[int]:
    """Return the loading processes of a training; none before the first step."""
    if not (run / "metrics.csv").exists():
        return []
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{training}/task/{training}/children")
        return [int(number) for number in children.read_text().split()]
    return []


@pytest.mark.parametrize(
    ("wanted", "free", "processes", "workers"),
    [
        (None, 4 * MIB, 1, 1),
        (None, 4 * MIB - 1, 1, 0),
        (None, None, 1, 1),
        (0, 0, 1, 0),
        (2, 6 * MIB, 1, 2),
        (None, 4 * MIB, 2, 1),
        (None, 4 * MIB - 1, 2, 0),
    ],
)
def test_number_of_loading_processes(
    monkeypatch: pytest.MonkeyPatch,
    wanted: int | None,
    free: int | None,
    processes: int,
    workers: int,
) -> None:
    monkeypatch.setattr(loading, "shared_memory_free", lambda: free)
    assert choose_workers(wanted, MIB, processes) == workers


def test_too_many_processes_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "shared_memory_free", lambda: 6 * MIB)
    with pytest.raises(RsitmdError, match=r"6 MB of .* free, 3 .* 8 MB; .*--shm-size 8m, or use"):
        choose_workers(3, MIB)


def test_other_errors_are_not_converted() -> None:
    for said in (
        "",
        "mat1 and mat2 shapes cannot be multiplied",
        "Caught ValueError in DataLoader",
    ):
        assert loading_error(said, Path("r")) is None
