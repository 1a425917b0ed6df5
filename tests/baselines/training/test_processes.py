"""Training in several processes: equal results and output, and errors in one line."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from tests.baselines.training.common import CPU, SMALL, losses, small, state
from tests.forks import Nursery


def test_two_processes_train_as_one(
    tmp_path: Path, tiny: Dataset, capfd: pytest.CaptureFixture[str]
) -> None:
    # 22 pairs in batches of 11 have no even halves; 8 + 8 + 6 have.
    config = small("amfmn-soft", "epochs=3", "freeze_batch_norm=true", "gradient_clip=0")
    one = train(tiny, config, tmp_path / "one", CPU)
    two = train(tiny, config, tmp_path / "two", replace(CPU, devices=2))
    said = capfd.readouterr().err
    assert said.count("epoch 3/3") == 2
    for advice in (
        "Initializing distributed",
        "find_unused_parameters",
        "sync_dist",
        "weights_only",
    ):
        assert advice not in said
    for (loss, recall), (other, other_recall) in zip(losses(one), losses(two), strict=True):
        assert float(loss) == pytest.approx(float(other), rel=1e-4)
        assert float(recall) == pytest.approx(float(other_recall), abs=1e-6)
    first, second = state(one), state(two)
    # Adam divides by the gradient's size: where that is nothing, rounding decides, in a few
    # elements of many, and by no more than a step goes at this rate in nine steps.
    for key, value in first.items():
        apart = (second[key].double() - value.double()).abs()
        assert float((apart > 2e-3).double().mean()) < 1e-4, key
        assert float(apart.max()) < 9e-3, key


def test_an_error_in_one_of_several_processes_is_a_one_line_error(
    tmp_path: Path, tiny: Dataset
) -> None:
    config = small("vsepp", "epochs=3", "lr=1e20", "gradient_clip=0")
    with pytest.raises(RsitmdError, match=r"the loss is nan at step \d+|not finite after step \d+"):
        train(tiny, config, tmp_path / "r", replace(CPU, devices=2))


def test_a_training_process_of_several_that_is_killed_is_a_one_line_error(
    tmp_path: Path, tiny_folder: Path, training_commands: Nursery
) -> None:
    run = tmp_path / "run"
    sets = [part for each in [*SMALL, "epochs=100000"] for part in ("--set", each)]
    options = ["--config", "vsepp", "--device", "cpu", "--devices", "2", *sets]
    started = training_commands.start(
        "benchmark", "train", str(tiny_folder), *options, "-o", str(run)
    )
    try:
        until = time.monotonic() + 240
        while started.poll() is None and time.monotonic() < until:
            for process in trainers(started.pid, run):
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


def trainers(command: int, run: Path) -> list[int]:
    """Return the processes that a training started; none before the first epoch."""
    if not (run / "metrics.csv").exists():
        return []
    found = []
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{command}/task/{command}/children").read_text().split()
        found = [n for n in children if "spawn_main" in Path(f"/proc/{n}/cmdline").read_text()]
    return [int(number) for number in found]
