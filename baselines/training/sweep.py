"""Runs of one configuration over several seeds and folds, and their summary."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rsitmd_tools.atomic import write_json
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.evaluation.evaluate import EvaluationOptions, evaluate
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.run import OWN_CACHE, Run
from rsitmd_tools.baselines.training.train import Options, train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage


def train_all(
    dataset: Dataset,
    config: Config,
    folder: Path,
    seeds: Sequence[int],
    folds: int = 0,
    options: Options = Options(),  # noqa: B008 - frozen
    *,
    prior: Path | None = None,
    exclude: Path | None = None,
) -> dict[str, Any]:
    """Train one run per seed and fold, and evaluate each on the test split if there is one.

    All runs share decoded images and features.

    Args:
        dataset: The dataset.
        config: The configuration; its seed and fold are replaced.
        folder: Parent folder of the runs ``seed-0``, ``fold-0`` or ``seed-0-fold-0``. Seeds can
            be added: runs that exist keep their names.
        seeds: The seeds.
        folds: Number of folds; 0 for no cross-validation.
        options: See :func:`train`.
        prior: See :func:`train`.
        exclude: See :func:`train`.

    Returns:
        The summary, the content of ``folder/summary.json``.

    Raises:
        WrongUsage: The configuration has folds, but ``folds`` is 0.
        RsitmdError: ``folder`` is a single run, the test split cannot be evaluated, or
            :func:`train` failed.
    """
    if config.folds and not folds:
        raise WrongUsage(
            f"folds={config.folds} of the configuration cannot be used with several seeds",
            hint=f"use --folds {config.folds}, or train one fold without --seeds",
        )
    if (folder / "run.json").exists():
        raise RsitmdError("is a single run", where=folder, hint="use another folder")
    if "test" in dataset.splits:
        Gallery.of(dataset, "test")  # fails before hours of training, not after them
    cache = options.cache or folder / OWN_CACHE
    configs = [
        replace(config, seed=seed, folds=folds, fold=fold)
        for seed in seeds
        for fold in (range(folds) if folds else (0,))
    ]
    runs = []
    for number, each in enumerate(configs):
        run = folder / _name(folder, each, len(seeds), resume=options.resume)
        shared = replace(options, cache=cache, runs=len(configs) - number)
        train(dataset, each, run, shared, prior=prior, exclude=exclude)
        runs.append(run)
    if options.cache is None:
        shutil.rmtree(cache, ignore_errors=True)
    summary = _summary(dataset, runs, options.device)
    write_json(folder / "summary.json", summary)
    return summary


def _name(folder: Path, config: Config, seeds: int, *, resume: bool) -> str:
    """Return the name of a run: that of an existing run of this seed and fold, or a new one."""
    if not config.folds:
        return f"seed-{config.seed}"
    short, long = f"fold-{config.fold}", f"seed-{config.seed}-fold-{config.fold}"
    if resume and Run(folder / short).manifest_file.exists():
        settings = Run(folder / short).manifest().get("config") or {}
        return short if settings.get("seed") == config.seed else long
    if resume and Run(folder / long).manifest_file.exists():
        return long
    return short if seeds == 1 else long


def _summary(dataset: Dataset, runs: Sequence[Path], device: str) -> dict[str, Any]:
    names = [run.name for run in runs]
    if "test" not in dataset.splits:
        return {"runs": names, "split": None, "gallery": None, "mean_recall": None}
    validated = Run(runs[0]).manifest()["config"]["validate"]
    results = [evaluate(run, dataset, options=EvaluationOptions(device=device)) for run in runs]
    values = [result["mean_recall"] for result in results]
    return {
        "runs": names,
        "split": "test",
        "gallery": results[0]["gallery"],
        "checkpoint": "the epoch of the best validation recall" if validated else "the last epoch",
        "mean_recall": {
            "values": values,
            "mean": round(float(np.mean(values)), 4),
            "deviation": round(float(np.std(values, ddof=1)), 4) if len(values) > 1 else None,
        },
        "seconds": [Run(run).manifest()["finished"]["seconds"] for run in runs],
    }
