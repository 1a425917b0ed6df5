"""Resuming a run: data and settings must be equal, and so are the results."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.training import checkpoint as checkpoint_module
from rsitmd_tools.baselines.training.checkpoint import (
    AtomicCheckpointIO,
    out_of_patience,
    read_history,
)
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.similarity import write_prior
from tests.baselines.training import common
from tests.baselines.training.common import CPU, RESUME, losses


def small(name: str, *changes: str) -> Config:
    return common.small(name, "freeze_backbone=true", *changes)


def cut(run: Path) -> None:
    """Change a finished run into one that was killed after its last checkpoint."""
    manifest = Run(run).manifest()
    del manifest["finished"]
    (run / "run.json").write_text(json.dumps(manifest))


def test_another_prior_is_an_error(tmp_path: Path, tiny: Dataset) -> None:
    config, run = small("amfmn-soft", "epochs=1"), tmp_path / "r"
    pool = tiny.select("train")
    first = write_prior(pool, tmp_path / "a.npy").path
    other = write_prior(pool, tmp_path / "b.npy", definition="paper").path
    train(tiny, config, run, CPU, prior=first)
    with pytest.raises(RsitmdError, match="started with another prior"):
        train(tiny, replace(config, epochs=2), run, RESUME, prior=other)
    pinned = Run(run).manifest()["prior"]
    train(tiny, replace(config, epochs=2), run, RESUME, prior=first)
    assert Run(run).manifest()["prior"] == pinned
    assert len(read_history(Run(run))) == 2


def test_fewer_epochs_are_an_error(tmp_path: Path, tiny: Dataset) -> None:
    run = tmp_path / "r"
    train(tiny, small("vsepp", "epochs=3"), run, CPU)
    with pytest.raises(RsitmdError, match="has already trained 3 epochs, more than 1"):
        train(tiny, small("vsepp", "epochs=1"), run, RESUME)
    assert "epochs: 3" in (run / "config.yaml").read_text()


def test_other_epochs_of_a_cosine_schedule_are_an_error(tmp_path: Path, tiny: Dataset) -> None:
    config, run = small("vsepp", "epochs=2", "schedule=cosine"), tmp_path / "r"
    train(tiny, config, run, CPU)
    with pytest.raises(RsitmdError, match="cosine schedule over 2 epochs, not 4"):
        train(tiny, replace(config, epochs=4), run, RESUME)


def test_another_number_of_devices_is_an_error(tmp_path: Path, tiny: Dataset) -> None:
    config, run = small("vsepp", "epochs=1"), tmp_path / "r"
    train(tiny, config, run, CPU)
    assert Run(run).manifest()["devices"] == 1
    with pytest.raises(RsitmdError, match="another number of devices"):
        train(tiny, config, run, replace(RESUME, devices=2))


def test_a_run_that_stopped_early_does_not_continue(tmp_path: Path, tiny: Dataset) -> None:
    config = small("vsepp", "epochs=40", "patience=2", "lr=1e-9")
    run = train(tiny, config, tmp_path / "r", CPU)
    history = read_history(Run(run))
    assert len(history) < 40
    cut(run)
    train(tiny, config, run, RESUME)
    assert read_history(Run(run)) == history
    assert "finished" in Run(run).manifest()


def test_patience() -> None:
    found = [{"val_mean_recall": recall} for recall in (1.0, 3.0, 2.0, 3.0)]
    assert out_of_patience(found, 2)
    assert not out_of_patience(found, 3)
    assert not out_of_patience(found, 0)
    assert not out_of_patience([], 2)
    assert not out_of_patience([{"val_mean_recall": np.nan}] * 9, 2)


def test_seconds_include_all_sessions(tmp_path: Path, tiny: Dataset) -> None:
    config, run = small("vsepp", "epochs=1"), tmp_path / "r"
    train(tiny, config, run, CPU)
    checkpoint = torch.load(Run(run).last, weights_only=True)
    assert Run(run).manifest()["finished"]["seconds"] == round(checkpoint["seconds"], 1)
    # An hour ago it had been at it for an hour.
    torch.save({**checkpoint, "seconds": 3600.0}, Run(run).last)
    train(tiny, replace(config, epochs=2), run, RESUME)
    assert 3600 < torch.load(Run(run).last, weights_only=True)["seconds"] < 3700
    assert 3600 <= Run(run).manifest()["finished"]["seconds"] < 3700


@pytest.mark.parametrize("history", [None, 3, [1, 2]])
def test_a_checkpoint_without_a_history(tmp_path: Path, tiny: Dataset, history: object) -> None:
    config, run = small("vsepp", "epochs=1"), tmp_path / "r"
    train(tiny, config, run, CPU)
    checkpoint = torch.load(Run(run).last, weights_only=True)
    del checkpoint["history"]
    torch.save(checkpoint if history is None else {**checkpoint, "history": history}, Run(run).last)
    with pytest.raises(RsitmdError, match="contains no training history"):
        train(tiny, replace(config, epochs=2), run, RESUME)


def test_a_checkpoint_of_another_model(tmp_path: Path, tiny: Dataset) -> None:
    one = train(tiny, small("vsepp", "epochs=1"), tmp_path / "one", CPU)
    two = train(tiny, small("m1", "epochs=1", "dimension=24"), tmp_path / "two", CPU)
    Run(one).last.write_bytes(Run(two).last.read_bytes())
    with pytest.raises(RsitmdError, match="does not match the model of the settings"):
        train(tiny, small("vsepp", "epochs=2"), one, RESUME)


def test_few_checkpoints_of_quick_epochs_are_saved(
    tmp_path: Path, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[str] = []
    save = AtomicCheckpointIO.save_checkpoint

    def counted(self: AtomicCheckpointIO, checkpoint: Any, path: Any, **more: Any) -> None:
        saved.append(Path(path).name)
        save(self, checkpoint, path, **more)

    monkeypatch.setattr(AtomicCheckpointIO, "save_checkpoint", counted)
    config = small("vsepp", "epochs=5", "lr=1e-2")
    monkeypatch.setattr(checkpoint_module, "SAVED_EVERY", 1)
    each = train(tiny, config, tmp_path / "each", CPU)
    assert saved.count("last.ckpt") == 5
    saved.clear()
    monkeypatch.setattr(checkpoint_module, "SAVED_EVERY", 10**9)
    few = train(tiny, config, tmp_path / "few", CPU)
    assert saved.count("last.ckpt") == 2 and saved.count("best.ckpt") <= 2
    assert losses(each) == losses(few)
    for file in ("best", "last"):
        one, other = (
            torch.load(getattr(Run(run), file), weights_only=True)["state_dict"]
            for run in (each, few)
        )
        assert all(torch.equal(one[key], other[key]) for key in one), file
