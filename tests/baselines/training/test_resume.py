"""Resuming a run: data and settings must be equal, and so are the results."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rsitmd_tools.baselines import evaluate
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.training import checkpoint as checkpoint_module
from rsitmd_tools.baselines.training import manifest as manifest_module
from rsitmd_tools.baselines.training.checkpoint import (
    AtomicCheckpointIO,
    out_of_patience,
    read_history,
)
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.similarity import write_prior
from tests.baselines.sentence_encoders import write_encoder
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


def test_a_refused_resume_changes_no_file_of_a_finished_run(tmp_path: Path, tiny: Dataset) -> None:
    config, run = small("amfmn-soft", "epochs=1"), tmp_path / "r"
    other = write_prior(tiny.select("train"), tmp_path / "b.npy", definition="paper").path
    train(tiny, config, run, CPU)
    files = [Run(run).config_file, Run(run).manifest_file, Run(run).vocabulary_file]
    before = [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]
    with pytest.raises(RsitmdError, match="another prior"):
        train(tiny, replace(config, epochs=3), run, RESUME, prior=other)
    assert [(file.read_bytes(), file.stat().st_mtime_ns) for file in files] == before
    assert 0 <= evaluate(run, tiny)["mean_recall"] <= 100


def test_a_run_that_is_killed_while_it_is_set_up_is_resumed(
    tmp_path: Path, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = small("vsepp", "epochs=1"), tmp_path / "r"

    class Killed(Exception):
        """Stands for the end of the process."""

    def killed(*_: object) -> None:
        raise Killed

    for epochs in (1, 2):
        config = replace(config, epochs=epochs)
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(manifest_module, "write_text", killed)
            train(tiny, config, run, RESUME)
        train(tiny, config, run, RESUME)
        assert len(losses(run)) == epochs
        assert 0 <= evaluate(run, tiny)["mean_recall"] <= 100


@pytest.mark.parametrize("name", ["config.yaml", "vocabulary.json", "checkpoints/last.ckpt"])
def test_files_of_a_folder_that_is_not_a_run_are_kept(
    tmp_path: Path, tiny: Dataset, name: str
) -> None:
    config, run = small("vsepp", "epochs=1"), tmp_path / "r"
    mine = run / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(RsitmdError, match=f"is not a run, but has a file {name}"):
        train(tiny, config, run, RESUME)
    assert mine.read_text() == "mine" and not (run / "run.json").exists()


def test_a_run_that_an_earlier_version_set_up_in_part_is_resumed(
    tmp_path: Path, tiny: Dataset
) -> None:
    config = small("vsepp", "epochs=1")
    whole, run = train(tiny, config, tmp_path / "whole", CPU), tmp_path / "r"
    run.mkdir()
    for name in ("config.yaml", "vocabulary.json"):
        (run / name).write_bytes((whole / name).read_bytes())
    train(tiny, config, run, RESUME)
    assert losses(run) == losses(whole)


def test_files_of_weights_may_move(tmp_path: Path, tiny: Dataset) -> None:
    timm = pytest.importorskip("timm")
    weights, encoder, run = tmp_path / "w.pth", write_encoder(tmp_path / "e"), tmp_path / "r"
    listed = tmp_path / "exclude.json"
    name = tiny.images[0].filename
    listed.write_text(json.dumps({"exclude": {tiny.name: [{"filename": name}]}}))
    torch.save(timm.create_model("test_resnet", num_classes=0).state_dict(), weights)
    config = small("vsepp", "epochs=1", f"weights={weights}", f"text_weights={encoder}")
    train(tiny, config, run, CPU, exclude=listed)
    moved = tmp_path / "moved"
    moved.mkdir()
    config = replace(
        config,
        epochs=2,
        weights=str(weights.rename(moved / "renamed.pth")),
        text_weights=str(encoder.rename(moved / "renamed")),
    )
    train(tiny, config, run, RESUME, exclude=listed.rename(moved / "renamed.json"))
    assert len(losses(run)) == 2 and Run(run).config().weights == config.weights
    assert 0 <= evaluate(run, tiny)["mean_recall"] <= 100
    with pytest.raises(RsitmdError, match="another sentence encoder"):
        train(tiny, replace(config, text_weights=None), run, RESUME)
    with pytest.raises(RsitmdError, match="other weights"):
        train(tiny, replace(config, weights=None), run, RESUME)


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


@pytest.mark.parametrize("history", [None, 3, [1, 2], [{"epoch": 0, "loss": 1.0}]])
def test_a_checkpoint_without_a_history(tmp_path: Path, tiny: Dataset, history: object) -> None:
    config, run = small("vsepp", "epochs=1"), tmp_path / "r"
    train(tiny, config, run, CPU)
    checkpoint = torch.load(Run(run).last, weights_only=True)
    del checkpoint["history"]
    torch.save(checkpoint if history is None else {**checkpoint, "history": history}, Run(run).last)
    with pytest.raises(RsitmdError, match="contains no training history"):
        train(tiny, replace(config, epochs=2), run, RESUME)


@pytest.mark.parametrize("key", ["loops", "optimizer_states", "lr_schedulers"])
def test_a_checkpoint_of_the_model_alone_does_not_continue(
    tmp_path: Path, tiny: Dataset, key: str
) -> None:
    config, run = small("vsepp", "epochs=1"), tmp_path / "r"
    train(tiny, config, run, CPU)
    checkpoint = torch.load(Run(run).last, weights_only=True)
    del checkpoint[key]
    torch.save(checkpoint, Run(run).last)
    with pytest.raises(RsitmdError, match=rf"last\.ckpt: lacks {key}, so the training cannot"):
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
