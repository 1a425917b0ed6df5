"""Settings of trainings that take a second, and readers of their results."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import torch

from rsitmd_tools.baselines.config import Config, load_config
from rsitmd_tools.baselines.training.train import Options

CPU = Options(device="cpu", workers=0)
RESUME = replace(CPU, resume=True)
SMALL = [
    "backbone=test_resnet",
    "image_size=32",
    "dimension=16",
    "word_dimension=16",
    "batch_size=8",
    "lr=1e-3",
]


def small(name: str, *changes: str) -> Config:
    """Return a small configuration."""
    return load_config(name, [*SMALL, *changes])


def losses(run: Path) -> list[tuple[str, str]]:
    """Return loss and validation recall of each epoch from the metrics file."""
    with (run / "metrics.csv").open() as stream:
        return [(row["loss"], row["val_mean_recall"]) for row in csv.DictReader(stream)]


def state(run: Path) -> dict[str, torch.Tensor]:
    """Return the weights of the last epoch."""
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    weights: dict[str, torch.Tensor] = checkpoint["state_dict"]
    return weights
