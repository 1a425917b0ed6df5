"""What a run is made of, written before it begins and held against when it is resumed."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import yaml

from rsitmd_tools.atomic import write_text
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.data.train_val_split import Parts
from rsitmd_tools.baselines.evaluation.evaluate import machine, versions
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.training.checkpoint import read_history
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.hashing import sha256_file

# What must be the same for a run to be gone on with, and what it is called.
HELD = {
    "data_sha256": "other data",
    "weights": "other weights",
    "excluded": "other images left out",
    "devices": "another number of devices",
}


def about_run(
    dataset: Dataset,
    config: Config,
    exclude: Path | None,
    parts: Parts,
    device: str = "cpu",
    devices: int = 1,
) -> dict[str, Any]:
    """Return what a run is made of, as it stands in RUN/run.json.

    Args:
        dataset: The dataset.
        config: The configuration.
        exclude: The list of images to leave out.
        parts: What trains and validates.
        device: Where it trains: ``cpu``, ``cuda`` or ``mps``.
        devices: Processes: each has its own batch norm, so their number decides the weights.

    Raises:
        RsitmdError: The file of weights does not exist.
    """
    excluded = None
    if exclude is not None:
        excluded = {"file": exclude.name, "sha256": sha256_file(exclude)}
    return {
        "data": dataset.name,
        "data_path": str(dataset.source.resolve()),
        "data_sha256": dataset.checksum(),
        "images": {"train": len(parts.train_rows), "val": len(parts.val_rows)},
        "excluded": excluded,
        "weights": _weights(config),
        "config": config.as_dict(),
        "versions": versions(),
        "machine": machine(device),
        "devices": devices,
        "command": "rsitmd " + shlex.join(sys.argv[1:]),
    }


def prepare_run(
    run: Run, config: Config, about: dict[str, Any], resume: bool
) -> dict[str, Any] | None:
    """Begin RUN, or check that it can be gone on with.

    Returns:
        What it was made of; empty where it begins, None where it is finished already.

    Raises:
        RsitmdError: It exists and is not resumed, or was made of other data or settings.
    """
    made: dict[str, Any] = {}
    if run.about_file.exists():
        if not resume:
            raise RsitmdError(
                "exists already", where=run.folder, hint="add --resume, or name another folder"
            )
        made = run.about()
        _check_same(run, made, about)
        if made.get("finished") and made["config"]["epochs"] == config.epochs:
            return None
        _check_epochs(run, made["config"]["epochs"], config)
    elif run.folder.exists() and any(run.folder.iterdir()) and not resume:
        raise RsitmdError(
            "exists already and is no run", where=run.folder, hint="name another folder"
        )
    write_text(run.config_file, yaml.safe_dump(config.as_dict(), sort_keys=False))
    return made


def check_prior(run: Run, made: dict[str, Any], prior: dict[str, str] | None) -> None:
    """Refuse to go on with the margins of another prior.

    Raises:
        RsitmdError: The run was begun with another.
    """
    if "prior" in made and made["prior"] != prior:
        raise RsitmdError(
            "was begun with another prior",
            where=run.folder,
            hint="name the one it was begun with (--prior), or another folder",
        )


def _check_same(run: Run, made: dict[str, Any], about: dict[str, Any]) -> None:
    # Earlier versions did not write how many devices there were: it is not held against them.
    whole = {"devices": about["devices"], **made}
    for key, called in HELD.items():
        if whole.get(key) != about[key]:
            raise RsitmdError(
                f"was begun with {called}", where=run.folder, hint="name another folder"
            )
    # A key that an earlier version did not know had its default.
    default = Config().as_dict()
    before, now = ({**default, **each["config"], "epochs": 0} for each in (made, about))
    differing = sorted(key for key in before | now if before.get(key) != now.get(key))
    if differing:
        raise RsitmdError(
            f"was begun with other settings ({', '.join(differing)})",
            where=run.folder,
            hint="name another folder",
        )


def _check_epochs(run: Run, before: int, config: Config) -> None:
    """Refuse a number of epochs that would say something else than what was trained."""
    done = len(read_history(run))
    if done > config.epochs:
        raise RsitmdError(
            f"has {done} epochs behind it, more than {config.epochs}",
            where=run.folder,
            hint="name another folder",
        )
    if done and config.schedule == "cosine" and before != config.epochs:
        raise RsitmdError(
            f"was begun with a learning rate that falls over {before} epochs, not {config.epochs}",
            where=run.folder,
            hint=f"go on with --set epochs={before}, or name another folder",
        )


def _weights(config: Config) -> dict[str, str] | str:
    if config.weights is None:
        return "random"
    file = Path(config.weights)
    if not file.is_file():
        raise RsitmdError("does not exist", where=file, hint="name a file of weights")
    return {"file": file.name, "sha256": sha256_file(file)}
