"""RUN: the folder of a training run, and the model loaded from it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rsitmd_tools.baselines.backbone import NO_BACKBONE
from rsitmd_tools.baselines.base import RetrievalModel, Tokenizer
from rsitmd_tools.baselines.config import Config, config_from
from rsitmd_tools.baselines.models import image_parts, load_tokenizer, make_model
from rsitmd_tools.baselines.state_dict_diff import (
    StateDictMismatch,
    first_mismatches,
    mismatch_lines,
    missing_names,
    shape_mismatches,
)
from rsitmd_tools.baselines.yaml_text import NotYamlError, parse_yaml
from rsitmd_tools.errors import RsitmdError, reason

MODEL_PREFIX = "model."


# Folder of images and features while runs train. It is removed afterwards, so its name must not be
# one that a user may have chosen.
OWN_CACHE = ".rsitmd-cache"


@dataclass(frozen=True, slots=True)
class Run:
    """Paths of a run.

    Attributes:
        folder: RUN.
    """

    folder: Path

    @property
    def config_file(self) -> Path:
        """The configuration as YAML."""
        return self.folder / "config.yaml"

    @property
    def manifest_file(self) -> Path:
        """The manifest: data, settings, versions and results of the training."""
        return self.folder / "run.json"

    @property
    def vocabulary_file(self) -> Path:
        """The vocabulary of the training part."""
        return self.folder / "vocabulary.json"

    @property
    def backbone_file(self) -> Path:
        """A copy of the JSON model config of CLIP, if the backbone is a file."""
        return self.folder / "backbone.json"

    @property
    def metrics_file(self) -> Path:
        """Loss and validation recall per epoch."""
        return self.folder / "metrics.csv"

    @property
    def result_file(self) -> Path:
        """The result of the last evaluation."""
        return self.folder / "result.json"

    @property
    def examples_file(self) -> Path:
        """Example queries with their results."""
        return self.folder / "examples.json"

    @property
    def analysis_file(self) -> Path:
        """Margins, confusions, errors and times of the last evaluation, for the report."""
        return self.folder / "analysis.json"

    @property
    def last(self) -> Path:
        """Checkpoint of the last finished epoch."""
        return self.folder / "checkpoints" / "last.ckpt"

    @property
    def best(self) -> Path:
        """Checkpoint with the best validation recall; without validation, the last one."""
        return self.folder / "checkpoints" / "best.ckpt"

    def manifest(self) -> dict[str, Any]:
        """Read run.json.

        Raises:
            RsitmdError: The folder is not a run, or the file is malformed.
        """
        try:
            manifest: dict[str, Any] = json.loads(self.manifest_file.read_text(encoding="utf-8"))
            if not isinstance(manifest, dict):
                raise ValueError(f"{self.manifest_file.name} is not a JSON object")
        except (OSError, ValueError) as error:
            raise RsitmdError(
                f"is not a run ({reason(error)})",
                where=self.folder,
                hint="to create one, run: rsitmd benchmark train",
            ) from error
        return manifest

    def config(self) -> Config:
        """Read the configuration.

        Raises:
            RsitmdError: The folder is not a run, or the file is missing or malformed.
        """
        self.manifest()
        try:
            document = parse_yaml(self.config_file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, NotYamlError) as error:
            raise RsitmdError(
                f"cannot be read ({reason(error)})",
                where=self.config_file,
                hint="train the run again",
            ) from error
        return config_from(document, str(self.config_file))

    def load(self) -> tuple[RetrievalModel, Tokenizer, Config]:
        """Load the best checkpoint.

        Returns:
            The model in evaluation mode, its tokenizer and its configuration.

        Raises:
            RsitmdError: The run is not finished, or its checkpoint belongs to another model or
                contains anything but tensors and plain data.
        """
        return self._load(images=True)

    def load_without_images(self) -> tuple[RetrievalModel, Tokenizer, Config]:
        """Load the best checkpoint for encoding texts and scoring encoded images.

        Parts that only encode images are left out if the model declares them
        (:attr:`RetrievalModel.image_parts`): a network of timm takes seconds to import.

        Returns:
            The model in evaluation mode, its tokenizer and its configuration.

        Raises:
            RsitmdError: As :meth:`load`.
        """
        return self._load(images=False)

    def _load(self, *, images: bool) -> tuple[RetrievalModel, Tokenizer, Config]:
        from dataclasses import replace

        config = self.config()
        # The checkpoint includes the backbone: the weights file is not needed again.
        own_config = replace(config, weights=None)
        if config.model == "clip" and self.backbone_file.is_file():
            own_config = replace(own_config, backbone=str(self.backbone_file))
        vocabulary = load_tokenizer(own_config, self.vocabulary_file)
        left_out = () if images else image_parts(config)
        if left_out:
            own_config = replace(own_config, backbone=NO_BACKBONE)
        model = make_model(own_config, vocabulary)
        checkpoint = read_checkpoint(self.best)
        state = {
            key.removeprefix(MODEL_PREFIX): value
            for key, value in checkpoint["state_dict"].items()
            if key.startswith(MODEL_PREFIX)
        }
        state, own = (_without(tensors, left_out) for tensors in (state, model.state_dict()))
        mismatches = [
            *mismatch_lines(missing_names(own, state), shape_mismatches(own, state)),
            *(f"{key} unexpected" for key in missing_names(state, own)),
        ]
        if mismatches:
            raise StateDictMismatch(
                f"does not match the model of {self.config_file.name} "
                f"(mismatches: {len(mismatches)}; {first_mismatches(mismatches)})",
                mismatches,
                where=self.best,
                hint="restore the checkpoint of this run",
            )
        model.load_state_dict(state, strict=not left_out)
        return model.eval(), vocabulary, config


class ModelOnUse:
    """The best model of a run, loaded when it is first used.

    It is loaded without its image parts until somebody needs them.

    Args:
        run: The run.
        device: The device of the model.
    """

    def __init__(self, run: Run, device: torch.device) -> None:
        self._run = run
        self._device = device
        self._loaded: tuple[RetrievalModel, Tokenizer] | None = None
        self._whole = False

    def model(self, *, whole: bool = False) -> RetrievalModel:
        """Return the model, with or without its image parts."""
        return self.load(whole=whole)[0]

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer of the model."""
        return self.load()[1]

    def load(self, *, whole: bool = False) -> tuple[RetrievalModel, Tokenizer]:
        """Return the model, with or without its image parts, and its tokenizer."""
        if self._loaded is None or (whole and not self._whole):
            load = self._run.load if whole else self._run.load_without_images
            model, tokenizer, _ = load()
            self._loaded, self._whole = (model.to(self._device), tokenizer), whole
        return self._loaded


def _without(state: Mapping[str, Tensor], parts: Sequence[str]) -> dict[str, Tensor]:
    """Return the tensors of a model that are not of these submodules."""
    return {key: value for key, value in state.items() if key.split(".")[0] not in parts}


def read_checkpoint(file: Path) -> dict[str, Any]:
    """Read a checkpoint of tensors and plain data, without executing code in it.

    Raises:
        RsitmdError: The file does not exist, or is not a checkpoint with tensors by name.
    """
    try:
        checkpoint: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        state = checkpoint["state_dict"]
        if not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
            raise TypeError("it contains more than tensors")
    except FileNotFoundError as error:
        raise RsitmdError(
            "has no checkpoint yet",
            where=file.parent.parent,
            hint="to finish the training, run: rsitmd benchmark train ... --resume",
        ) from error
    except Exception as error:
        raise RsitmdError(
            "is not a checkpoint of tensors and plain data",
            where=file,
            hint="restore the checkpoint of this run",
        ) from error
    return checkpoint


def run_name(folder: Path) -> str:
    """Return the name of a run, with that of its parent folder if it says only seed or fold."""
    name, parent = folder.resolve().name, folder.resolve().parent.name
    return f"{parent}/{name}" if parent and re.match(r"(seed|fold)-\d", name) else name


def runs_in(folder: Path) -> list[Run]:
    """Return the run of a folder, or the runs that ``--seeds`` and ``--folds`` created in it.

    Raises:
        RsitmdError: The folder contains no run.
    """
    if (folder / "run.json").exists():
        return [Run(folder)]
    found = sorted(file.parent for file in folder.glob("*/run.json"))
    if not found:
        raise RsitmdError(
            "contains no run" if folder.exists() else "does not exist",
            where=folder,
            hint="pass a folder created by: rsitmd benchmark train",
        )
    return [Run(each) for each in found]
