"""RUN: the folder of a training, and the model read back from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rsitmd_tools.baselines.base import RetrievalModel, Tokenizer
from rsitmd_tools.baselines.config import Config, config_from
from rsitmd_tools.baselines.models import load_tokenizer, make_model
from rsitmd_tools.baselines.state_dict_diff import Unfit, absent, first_of, listed, misshapen
from rsitmd_tools.errors import RsitmdError, reason

MODEL_PREFIX = "model."


@dataclass(frozen=True, slots=True)
class Run:
    """Paths of a run.

    Attributes:
        folder: RUN.
    """

    folder: Path

    @property
    def config_file(self) -> Path:
        """The configuration, JSON within YAML."""
        return self.folder / "config.yaml"

    @property
    def about_file(self) -> Path:
        """What the run was made of."""
        return self.folder / "run.json"

    @property
    def vocabulary_file(self) -> Path:
        """The words known from training."""
        return self.folder / "vocabulary.json"

    @property
    def metrics_file(self) -> Path:
        """Loss and validation recall of each epoch."""
        return self.folder / "metrics.csv"

    @property
    def result_file(self) -> Path:
        """The result of the last evaluation."""
        return self.folder / "result.json"

    @property
    def examples_file(self) -> Path:
        """A handful of queries with what was found."""
        return self.folder / "examples.json"

    @property
    def last(self) -> Path:
        """Checkpoint of the last finished epoch."""
        return self.folder / "checkpoints" / "last.ckpt"

    @property
    def best(self) -> Path:
        """Checkpoint with the best validation recall, the last one without validation."""
        return self.folder / "checkpoints" / "best.ckpt"

    def about(self) -> dict[str, Any]:
        """Read run.json.

        Raises:
            RsitmdError: This is no run, or the file is malformed.
        """
        try:
            about: dict[str, Any] = json.loads(self.about_file.read_text(encoding="utf-8"))
            if not isinstance(about, dict):
                raise ValueError(f"{self.about_file.name} holds no keys")
        except (OSError, ValueError) as error:
            raise RsitmdError(
                f"is no run ({reason(error)})",
                where=self.folder,
                hint="make one with: rsitmd benchmark train",
            ) from error
        return about

    def config(self) -> Config:
        """Read the configuration.

        Raises:
            RsitmdError: This is no run, or the file is absent or malformed.
        """
        import yaml

        self.about()
        try:
            document = yaml.safe_load(self.config_file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise RsitmdError(
                f"cannot be read ({reason(error)})", where=self.config_file, hint="train again"
            ) from error
        return config_from(document, str(self.config_file))

    def load(self) -> tuple[RetrievalModel, Tokenizer, Config]:
        """Read the best model.

        Raises:
            RsitmdError: The run is not finished, or its checkpoint holds another model or
                anything but tensors and plain data.
        """
        from dataclasses import replace

        config = self.config()
        vocabulary = load_tokenizer(config, self.vocabulary_file)
        # The checkpoint holds the backbone too: the file of weights is not needed again.
        model = make_model(replace(config, weights=None), vocabulary)
        checkpoint = read_checkpoint(self.best)
        state = {
            key.removeprefix(MODEL_PREFIX): value
            for key, value in checkpoint["state_dict"].items()
            if key.startswith(MODEL_PREFIX)
        }
        own = model.state_dict()
        differing = [
            *listed(absent(own, state), misshapen(own, state)),
            *(f"{key} has no place" for key in absent(state, own)),
        ]
        if differing:
            raise Unfit(
                f"holds another model than {self.config_file.name} says "
                f"({len(differing)} parts differ: {first_of(differing)})",
                differing,
                where=self.best,
                hint="restore the checkpoint of this run",
            )
        model.load_state_dict(state)
        return model.eval(), vocabulary, config


def read_checkpoint(file: Path) -> dict[str, Any]:
    """Read a checkpoint of tensors and plain data; nothing in it is run.

    Raises:
        RsitmdError: It is absent, or no checkpoint; there are no tensors by name in it.
    """
    try:
        checkpoint: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        state = checkpoint["state_dict"]
        if not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
            raise TypeError("it holds more than tensors")
    except FileNotFoundError as error:
        raise RsitmdError(
            "has no checkpoint yet",
            where=file.parent.parent,
            hint="finish it with: rsitmd benchmark train ... --resume",
        ) from error
    except Exception as error:
        raise RsitmdError(
            "is no checkpoint of tensors and plain data",
            where=file,
            hint="restore the checkpoint of this run",
        ) from error
    return checkpoint


def runs_in(folder: Path) -> list[Run]:
    """Return the runs of a folder: itself, or those that ``--seeds`` and ``--folds`` made in it.

    Raises:
        RsitmdError: There are none.
    """
    if (folder / "run.json").exists():
        return [Run(folder)]
    found = sorted(file.parent for file in folder.glob("*/run.json"))
    if not found:
        raise RsitmdError(
            "holds no run", where=folder, hint="make one with: rsitmd benchmark train"
        )
    return [Run(each) for each in found]
