"""RUN: its files, and the errors for malformed ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.models import make_model
from rsitmd_tools.baselines.run import Run, read_checkpoint, run_name, runs_in
from rsitmd_tools.baselines.text import Vocabulary
from rsitmd_tools.errors import RsitmdError


def begun(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"data": "d"}))
    return folder


def test_runs_of_a_folder(tmp_path: Path) -> None:
    alone = begun(tmp_path / "alone")
    assert [run.folder for run in runs_in(alone)] == [alone]
    made = [begun(tmp_path / "many" / name) for name in ("seed-1", "seed-0")]
    assert [run.folder for run in runs_in(tmp_path / "many")] == sorted(made)
    with pytest.raises(RsitmdError, match="nowhere: does not exist"):
        runs_in(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RsitmdError, match="empty: contains no run"):
        runs_in(tmp_path / "empty")


@pytest.mark.parametrize("text", [None, "", "no json", "[1]"])
def test_a_folder_that_is_not_a_run(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(RsitmdError, match="is not a run"):
        Run(tmp_path).manifest()


@pytest.mark.parametrize("text", [None, "model: [", "model: other", "- a"])
def test_a_configuration_that_cannot_be_read(tmp_path: Path, text: str | None) -> None:
    run = Run(begun(tmp_path / "r"))
    if text is not None:
        run.config_file.write_text(text)
    with pytest.raises(RsitmdError, match=r"config\.yaml"):
        run.config()


def test_a_configuration_that_is_not_utf8(tmp_path: Path) -> None:
    run = Run(begun(tmp_path / "r"))
    run.config_file.write_bytes("model: é".encode("latin-1"))
    with pytest.raises(RsitmdError, match=r"config\.yaml: cannot be read .*; train the run again"):
        run.config()


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("runs/soft", "soft"),
        ("suite/runs/soft/seed-0", "soft/seed-0"),
        ("soft/fold-1", "soft/fold-1"),
        ("soft/seed-12-fold-3", "soft/seed-12-fold-3"),
        ("runs/seedling", "seedling"),
        ("/seed-0", "seed-0"),
    ],
)
def test_the_name_of_a_run_of_a_system_has_the_system(folder: str, name: str) -> None:
    assert run_name(Path(folder)) == name


def test_a_run_without_a_checkpoint_suggests_resume(tmp_path: Path) -> None:
    with pytest.raises(RsitmdError, match="--resume"):
        read_checkpoint(Run(tmp_path).last)


def finished(folder: Path) -> tuple[Run, dict[str, torch.Tensor]]:
    """Create a run without its checkpoint; return the run and the state dict to save."""
    run = Run(begun(folder))
    config = load_config("vsepp", ["backbone=mobilenetv3_small_050", "dimension=16"])
    run.config_file.write_text(json.dumps(config.as_dict()))
    vocabulary = Vocabulary(("a", "boat"))
    vocabulary.save(run.vocabulary_file)
    run.best.parent.mkdir()
    model = make_model(config, vocabulary)
    return run, {f"model.{key}": value for key, value in model.state_dict().items()}


def test_a_checkpoint_of_another_model_lists_the_mismatches(tmp_path: Path) -> None:
    run, state = finished(tmp_path / "r")
    torch.save({"state_dict": state}, run.best)
    run.load()
    state["model.project.bias"] = torch.zeros(8)
    state["model.other"] = state.pop("model.project.weight")
    torch.save({"state_dict": state}, run.best)
    with pytest.raises(
        RsitmdError, match=r"best\.ckpt: does not match the model.*mismatches: 3;"
    ) as error:
        run.load()
    _, *below = str(error.value).splitlines()
    assert below == [
        "  project.weight missing",
        "  project.bias (8,), expected (16,)",
        "  other unexpected",
    ]


@pytest.mark.parametrize(
    "held",
    [
        [1],
        {},
        {"state_dict": [1]},
        {"state_dict": {"model.a": 1}},
        {"state_dict": {1: torch.ones(1)}},
    ],
)
def test_plain_data_that_is_not_a_checkpoint(tmp_path: Path, held: object) -> None:
    run, _ = finished(tmp_path / "r")
    torch.save(held, run.best)
    with pytest.raises(RsitmdError, match=r"best\.ckpt: is not a checkpoint.*; restore") as error:
        run.load()
    assert "\n" not in str(error.value)
