"""Baselines for image-text retrieval: AMFMN and VSE++, their training and evaluation."""

from __future__ import annotations

from rsitmd_tools.baselines.config import Config, load_config
from rsitmd_tools.baselines.evaluation.evaluate import evaluate
from rsitmd_tools.baselines.evaluation.search import search
from rsitmd_tools.baselines.training.train import train

__all__ = ["Config", "evaluate", "load_config", "search", "train"]
