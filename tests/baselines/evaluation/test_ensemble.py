"""The mean of the scores of several runs, measured as one model."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.data.images import decode_images
from rsitmd_tools.baselines.evaluation import ensemble
from rsitmd_tools.baselines.evaluation.ensemble import evaluate_ensemble
from rsitmd_tools.baselines.evaluation.evaluate import (
    EvaluationOptions,
    evaluate,
    evaluate_scores,
)
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.loaded_run import LoadedRun
from rsitmd_tools.baselines.evaluation.result import Ensemble
from rsitmd_tools.baselines.evaluation.scoring import score_matrix
from rsitmd_tools.baselines.evaluation.systems import group_runs
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.schemas import first_error, load_schema

ONE_VIEW = EvaluationOptions()


@pytest.fixture(scope="module")
def pair(
    tiny: Dataset, small_settings: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """An AMFMN of 32 pixels and a VSE++ of 40 pixels, with other seeds."""
    folder = tmp_path_factory.mktemp("pair")
    soft = load_config("amfmn-soft", [*small_settings, "seed=1"])
    vsepp = load_config("vsepp", [*small_settings, "image_size=40"])
    return [train(tiny, soft, folder / "soft"), train(tiny, vsepp, folder / "vsepp")]


def scores_of(run: Path, data: Dataset, scratch: Path, views: int) -> np.ndarray:
    model, tokenizer, config = Run(run).load()
    gallery = Gallery.of(data, "test")
    pixels = decode_images(gallery.part, config.image_size, scratch / f"{run.name}.npy")
    return score_matrix(model, tokenizer, pixels, gallery.part.captions(), None, views)


@pytest.mark.parametrize("views", [1, 3])
def test_it_measures_the_mean_of_the_scores(
    pair: list[Path], tiny: Dataset, tmp_path: Path, views: int
) -> None:
    options, out = EvaluationOptions(views=views), tmp_path / "together"
    found = evaluate_ensemble(pair, tiny, "test", options, out)
    scores = [scores_of(run, tiny, tmp_path, views) for run in pair]
    np.save(tmp_path / "mean.npy", ((scores[0].astype(float) + scores[1]) / 2).astype(np.float32))
    expected = evaluate_scores(tmp_path / "mean.npy", tiny)
    for key in ("image_to_text", "text_to_image", "mean_recall", "interval", "ties", "hardest"):
        assert found[key] == expected[key]
    assert found != evaluate(pair[0], tiny, options=options, output=tmp_path / "one")
    assert json.loads((out / "result.json").read_text()) == found
    assert (out / "queries.csv").exists()
    assert (out / "examples.json").exists()


def test_its_result_names_the_runs_and_what_they_share(
    pair: list[Path], tiny: Dataset, tmp_path: Path
) -> None:
    found = evaluate_ensemble(pair, tiny, "test", ONE_VIEW, tmp_path / "together")
    assert first_error(found, load_schema("benchmark_result")) is None
    alone = [evaluate(run, tiny, output=tmp_path / run.name) for run in pair]
    keys = ("model", "seed", "weights", "settings", "checkpoint_sha256")
    assert found["ensemble"] == [
        {"run": run.name, **{key: each[key] for key in keys}}
        for run, each in zip(pair, alone, strict=True)
    ]
    shared = ("weights", "training_data_sha256", "images_sha256", "device", "views")
    assert {key: found[key] for key in shared} == {key: alone[0][key] for key in shared}
    assert found["model"] == "ensemble"
    assert found["settings"] == {}
    assert found["trained_on_this_data"] is True
    assert found["seen_in_training"] is False
    assert [found[key] for key in ("seed", "checkpoint_sha256", "training")] == [None] * 3


@pytest.mark.parametrize(
    ("seen", "together"),
    [((False, None), None), ((None, True), True), ((True, False), True), ((False, False), False)],
)
def test_one_run_that_saw_the_images_is_enough(
    seen: tuple[bool | None, ...], together: bool | None, pair: list[Path], tiny: Dataset
) -> None:
    source = LoadedRun.of(Run(pair[0]), "cpu").source(tiny, Gallery.of(tiny, "test"), "test", 1)
    runs = [(str(each), replace(source, seen_in_training=each)) for each in seen]
    assert Ensemble(runs).as_dict()["seen_in_training"] is together


def test_ensembles_of_other_runs_are_other_systems(
    pair: list[Path], trained: Path, tiny: Dataset, tmp_path: Path
) -> None:
    evaluate_ensemble(pair, tiny, "test", ONE_VIEW, tmp_path / "one")
    evaluate_ensemble([pair[0], trained], tiny, "test", ONE_VIEW, tmp_path / "two")
    systems = group_runs([tmp_path / "one", tmp_path / "two"])
    assert [system.name for system in systems] == ["one", "two"]


def test_what_is_no_ensemble_is_refused(pair: list[Path], tiny: Dataset, tmp_path: Path) -> None:
    with pytest.raises(RsitmdError, match="holds one run, and an ensemble needs two"):
        evaluate_ensemble(pair[:1], tiny, "test", ONE_VIEW)
    copy = Path(shutil.copytree(pair[0], tmp_path / "copy"))
    with pytest.raises(RsitmdError, match="copy: has the same checkpoint as soft"):
        evaluate_ensemble([*pair, copy], tiny, "test", ONE_VIEW)
    with pytest.raises(RsitmdError, match="is a run, and holds the result of its own model"):
        evaluate_ensemble(pair, tiny, "test", ONE_VIEW, pair[1])
    with pytest.raises(RsitmdError, match="is a folder of runs, and its own result would hide"):
        evaluate_ensemble(pair, tiny, "test", ONE_VIEW, pair[0].parent)


def test_a_run_whose_scores_are_nan_is_named(
    pair: list[Path], tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ensemble.score

    def broken(model: torch.nn.Module, encoded: object) -> np.ndarray:
        scores = real(model, encoded)
        if type(model).__name__ == "VSEPP":
            scores[0, 0] = np.nan
        return scores

    monkeypatch.setattr(ensemble, "score", broken)
    with pytest.raises(RsitmdError, match=r"vsepp: .* scores are NaN"):
        evaluate_ensemble(pair, tiny, "test", ONE_VIEW, tmp_path / "together")
    assert not (tmp_path / "together" / "result.json").exists()
