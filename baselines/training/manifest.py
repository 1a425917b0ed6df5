"""RUN/run.json: data, settings and versions, compared when a run is resumed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rsitmd_tools.atomic import write_json, write_text
from rsitmd_tools.baselines.base import Tokenizer
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.data.digests import images_checksum
from rsitmd_tools.baselines.data.train_val_split import Parts
from rsitmd_tools.baselines.evaluated_runs import content_of
from rsitmd_tools.baselines.models import backbone_file
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.sentence_folder import folder_checksum
from rsitmd_tools.baselines.training.checkpoint import read_history
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.provenance import command, machine, versions
from rsitmd_tools.text_files import read_text

# Keys that must be equal to resume a run, with their names in messages.
FIXED_KEYS = {
    "data_sha256": "other data",
    "weights": "other weights",
    "text_weights": "another sentence encoder",
    "backbone": "another file of the backbone",
    "excluded": "other excluded images",
    # Those of training and validation: excluded images count as others, too.
    "images_sha256": "other image files",
    "devices": "another number of devices",
}
ADDED_KEYS = ("devices", "images_sha256", "backbone")
# Files may move: their checksums are compared, not their paths.
FILE_SETTINGS = ("weights", "text_weights")


def make_manifest(
    dataset: Dataset,
    config: Config,
    exclude: Path | None,
    parts: Parts,
    device: str = "cpu",
    devices: int = 1,
) -> dict[str, Any]:
    """Return the manifest of a run, the content of RUN/run.json.

    Args:
        dataset: The dataset.
        config: The configuration.
        exclude: The list of excluded images.
        parts: Training and validation part.
        device: ``cpu``, ``cuda`` or ``mps``.
        devices: Number of processes; each has its own batch norm, so it affects the result.

    Raises:
        RsitmdError: The file of weights does not exist, the folder of the sentence encoder cannot
            be read, or an image cannot be read.
    """
    excluded = None
    if exclude is not None:
        excluded = {"file": exclude.name, "sha256": sha256_file(exclude)}
    return {
        "data": dataset.name,
        "data_path": str(dataset.source.resolve()),
        "data_sha256": dataset.checksum(),
        "images_sha256": images_checksum(parts.pool),
        "images": {"train": len(parts.train_rows), "val": len(parts.val_rows)},
        "excluded": excluded,
        "weights": _weights(config),
        "text_weights": _text_weights(config),
        "backbone": backbone_checksum(config),
        "config": config.as_dict(),
        "versions": versions(),
        "machine": machine(device),
        "devices": devices,
        "command": command(),
    }


def prepare_run(
    run: Run, config: Config, manifest: dict[str, Any], resume: bool
) -> dict[str, Any] | None:
    """Check that RUN can be started or resumed. Nothing is written.

    Args:
        run: The run.
        config: The configuration.
        manifest: The manifest of this training.
        resume: Whether an existing run is resumed.

    Returns:
        The manifest of the existing run; empty for a run without a finished epoch, None if the
        run is finished.

    Raises:
        RsitmdError: The run exists and is not resumed, or was started with other data or
            settings.
    """
    existing: dict[str, Any] = {}
    if run.manifest_file.exists():
        if not resume:
            raise RsitmdError(
                "already exists", where=run.folder, hint="use --resume or another folder"
            )
        existing = run.manifest()
        if existing.get("finished") or run.last.exists():
            _check_same(run, existing, manifest)
            if existing.get("finished") and existing["config"]["epochs"] == config.epochs:
                return None
            _check_epochs(run, existing["config"]["epochs"], config)
        else:
            existing = {}  # No epoch was finished: the run may start with other data or settings.
    elif run.folder.exists() and any(run.folder.iterdir()):
        if not resume:
            raise RsitmdError(
                "already exists and is not a run", where=run.folder, hint="use another folder"
            )
        _check_foreign(run, config)
    return existing


def write_setup(
    run: Run, config: Config, manifest: Mapping[str, Any], tokenizer: Tokenizer
) -> None:
    """Write run.json, config.yaml and vocabulary.json of a run that starts or continues.

    run.json comes first: if the command is killed in between, ``--resume`` writes the others.

    Raises:
        RsitmdError: A file cannot be written.
    """
    write_json(run.manifest_file, manifest)
    write_text(run.config_file, _as_yaml(config))
    backbone = backbone_file(config)
    if backbone is not None:
        write_text(run.backbone_file, read_text(backbone))
    tokenizer.save(run.vocabulary_file)


def check_prior(run: Run, existing: dict[str, Any], prior: dict[str, str] | None) -> None:
    """Check that a resumed run uses the same prior, because the margins depend on it.

    Raises:
        RsitmdError: The run was started with another prior.
    """
    if "prior" in existing and existing["prior"] != prior:
        raise RsitmdError(
            "was started with another prior",
            where=run.folder,
            hint="use the same prior (--prior), or another folder",
        )


def _check_foreign(run: Run, config: Config) -> None:
    """Check that a folder without run.json has no files that a run would overwrite or read."""
    own = [run.config_file, run.vocabulary_file, run.last]
    if backbone_file(config) is not None:
        own.append(run.backbone_file)
    found = [file for file in own if file.exists()]
    # An earlier version wrote config.yaml and vocabulary.json before run.json.
    killed = run.config_file.is_file() and run.config_file.read_bytes() == _as_yaml(config).encode()
    if found and (run.last in found or not killed):
        raise RsitmdError(
            f"is not a run, but has a file {found[0].relative_to(run.folder)}",
            where=run.folder,
            hint="use another folder, or move this file away",
        )


def _as_yaml(config: Config) -> str:
    text: str = yaml.safe_dump(config.as_dict(), sort_keys=False)
    return text


def _check_same(run: Run, existing: dict[str, Any], manifest: dict[str, Any]) -> None:
    # Earlier versions did not record all keys.
    complete = {**{key: manifest[key] for key in ADDED_KEYS}, **existing}
    for key, label in FIXED_KEYS.items():
        if content_of(complete.get(key)) != content_of(manifest[key]):
            raise RsitmdError(
                f"was started with {label}", where=run.folder, hint="use another folder"
            )
    # Keys that an earlier version did not have get their defaults.
    default = Config().as_dict()
    before, now = ({**default, **each["config"]} for each in (existing, manifest))
    changed = sorted(
        key
        for key in before.keys() | now.keys()
        if key not in ("epochs", *FILE_SETTINGS) and before.get(key) != now.get(key)
    )
    if changed:
        raise RsitmdError(
            f"was started with other settings ({', '.join(changed)})",
            where=run.folder,
            hint="use another folder",
        )


def _check_epochs(run: Run, before: int, config: Config) -> None:
    """Check that the new number of epochs agrees with the epochs already trained."""
    done = len(read_history(run))
    if done > config.epochs:
        raise RsitmdError(
            f"has already trained {done} epochs, more than {config.epochs}",
            where=run.folder,
            hint=f"use --set epochs={done} or more, or another folder",
        )
    if done and config.schedule == "cosine" and before != config.epochs:
        raise RsitmdError(
            f"was started with a cosine schedule over {before} epochs, not {config.epochs}",
            where=run.folder,
            hint=f"use --set epochs={before}, or another folder",
        )


def check_weights(config: Config) -> None:
    """Check that the file of weights exists.

    Raises:
        RsitmdError: It does not.
    """
    if config.weights is not None and not Path(config.weights).is_file():
        hint = "pass an existing weights file"
        raise RsitmdError("does not exist", where=config.weights, hint=hint)


def backbone_checksum(config: Config) -> str | None:
    """Return the SHA-256 of the file that describes the backbone; None without one."""
    file = backbone_file(config)
    return None if file is None or not file.is_file() else sha256_file(file)


def _weights(config: Config) -> dict[str, str] | str:
    check_weights(config)
    if config.weights is None:
        return "random"
    file = Path(config.weights)
    return {"file": file.name, "sha256": sha256_file(file)}


def _text_weights(config: Config) -> dict[str, str] | None:
    if config.text_weights is None:
        return None
    folder = Path(config.text_weights)
    return {"folder": folder.resolve().name, "sha256": folder_checksum(folder)}
