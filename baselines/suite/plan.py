"""The runs of a suite, in the order in which they are trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rsitmd_tools.baselines.config import Config, load_config
from rsitmd_tools.baselines.data.train_val_split import split_parts
from rsitmd_tools.baselines.device import check_device, precision
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.sentence_folder import folder_checksum
from rsitmd_tools.baselines.training.manifest import backbone_checksum
from rsitmd_tools.baselines.training.prior import released_prior, uses_prior
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.hashing import sha256_file

# The recipes that a laptop trains in minutes.
DEFAULT_CONFIGS = (
    "vsepp-frozen",
    "amfmn-soft-frozen",
    "amfmn-fusion-frozen",
    "amfmn-similarity-frozen",
)
# Settings that differ between the runs of a configuration, with the option that sets them.
DRAWN = {"seed": "--seeds", "folds": "--folds", "fold": "--folds"}


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run of a suite.

    Attributes:
        name: Name of its configuration, the name of the system in the table.
        config: The configuration with the seed and fold of this run.
    """

    name: str
    config: Config

    @property
    def fold(self) -> int | None:
        """The validation fold; None without folds."""
        return self.config.fold if self.config.folds else None

    @property
    def label(self) -> str:
        """The run in messages, such as ``vsepp seed 0 fold 1``."""
        fold = "" if self.fold is None else f" fold {self.fold}"
        return f"{self.name} seed {self.config.seed}{fold}"

    @property
    def place(self) -> Path:
        """The folder of the run below the folder of the suite."""
        fold = "" if self.fold is None else f"-fold-{self.fold}"
        return Path("runs", self.name, f"seed-{self.config.seed}{fold}")


def plan_runs(
    configs: Sequence[str], changes: Sequence[str], seeds: Sequence[int], folds: int = 0
) -> list[PlannedRun]:
    """Return the runs of a suite: each seed and fold of all configurations before the next one.

    So a suite that is stopped early has the same seeds of each configuration.

    Args:
        configs: Names of shipped configurations, or YAML files.
        changes: ``KEY=VALUE`` overrides for all configurations.
        seeds: Distinct seeds.
        folds: Number of folds; 0 for no cross-validation.

    Raises:
        RsitmdError: A configuration does not exist or is malformed.
        WrongUsage: Two configurations have one name, or a change sets a seed or a fold.
    """
    for change in changes:
        key = change.partition("=")[0]
        if key in DRAWN:
            raise WrongUsage(f"invalid value for --set: {change}", hint=f"use {DRAWN[key]}")
    loaded: dict[str, Config] = {}
    for given in configs:
        name = _name(given)
        if name in loaded:
            raise WrongUsage(f"--configs names {name} twice", hint="name each configuration once")
        loaded[name] = load_config(given, changes)
        if loaded[name].folds and not folds:
            raise WrongUsage(
                f"{given} has folds: {loaded[name].folds}, which a suite does not read",
                hint=f"use --folds {loaded[name].folds}, and remove folds and fold from the file",
            )
    return [
        PlannedRun(name, replace(config, seed=seed, folds=folds, fold=fold))
        for seed in seeds
        for fold in range(folds or 1)
        for name, config in loaded.items()
    ]


def check_plan(plan: Sequence[PlannedRun], dataset: Dataset, device: str) -> None:
    """Find what would stop a run, before hours of training.

    Args:
        plan: The runs.
        dataset: The dataset.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        RsitmdError: The device is not available, the dataset has no split ``test`` or too few
            images, or weights cannot be read.
        WrongUsage: The device does not support a precision.
    """
    check_device(device, 1)
    Gallery.of(dataset, "test")
    weights_of(plan)
    text_weights_of(plan)
    checked: set[tuple[Any, ...]] = set()
    for run in plan:
        config = run.config
        precision(config.precision, device)
        drawn = (config.seed, config.folds, config.fold, config.validate)
        if drawn not in checked:
            checked.add(drawn)
            split_parts(dataset, config)


def weights_of(plan: Sequence[PlannedRun]) -> dict[str, str]:
    """Return the SHA-256 of the weights of each configuration; ``random`` without weights.

    Raises:
        RsitmdError: A file of weights does not exist.
    """
    files = {run.name: run.config.weights for run in plan}
    return {
        name: "random" if file is None else _checksum(Path(file)) for name, file in files.items()
    }


def text_weights_of(plan: Sequence[PlannedRun]) -> dict[str, str | None]:
    """Return the SHA-256 of the sentence encoder of each configuration; None without one.

    Raises:
        RsitmdError: The folder of a sentence encoder cannot be read.
    """
    folders = {run.name: run.config.text_weights for run in plan}
    checksums = {folder: folder_checksum(Path(folder)) for folder in folders.values() if folder}
    return {name: checksums[folder] if folder else None for name, folder in folders.items()}


def backbones_of(plan: Sequence[PlannedRun]) -> dict[str, str | None]:
    """Return the SHA-256 of the file of each configuration's backbone; None without one."""
    return {run.name: backbone_checksum(run.config) for run in reversed(plan)}


def priors_of(plan: Sequence[PlannedRun], dataset: Dataset) -> dict[str, dict[str, str] | None]:
    """Return the prior of the release that each configuration is trained with.

    It is None if the loss needs no prior, or if the training computes it: that is always the same.

    Args:
        plan: The runs. Those of a configuration have the same prior, whatever their seed and fold.
        dataset: The dataset.

    Raises:
        RsitmdError: The dataset has too few images.
    """
    firsts = {run.name: run.config for run in reversed(plan)}
    of_parts: dict[tuple[bool, int], dict[str, str] | None] = {}
    found: dict[str, dict[str, str] | None] = {}
    for name, config in firsts.items():
        found[name] = None
        if uses_prior(config):
            key = (config.validate, config.folds)
            if key not in of_parts:
                prior = released_prior(dataset, split_parts(dataset, config))
                of_parts[key] = None if prior is None else prior.describe()
            found[name] = of_parts[key]
    return found


def settings_of(plan: Sequence[PlannedRun]) -> dict[str, dict[str, Any]]:
    """Return what all runs of each configuration have in common.

    Files of weights may move, so their checksums are compared instead.
    """
    left_out = (*DRAWN, "weights", "text_weights")
    return {
        run.name: {k: v for k, v in run.config.as_dict().items() if k not in left_out}
        for run in plan
    }


def _name(config: str) -> str:
    path = Path(config)
    name = path.stem if path.suffix in (".yaml", ".yml") else path.name
    if not name:
        raise WrongUsage("--configs has an empty name", hint="use names such as vsepp,amfmn-soft")
    return name


def _checksum(file: Path) -> str:
    if not file.is_file():
        raise RsitmdError("does not exist", where=file, hint="pass an existing weights file")
    return sha256_file(file)
