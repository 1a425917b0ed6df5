"""Baselines for image-text retrieval: AMFMN and VSE++, their training and evaluation.

The functions are imported when they are first used: reading a run's files needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsitmd_tools.baselines.config import Config, load_config
    from rsitmd_tools.baselines.evaluation.evaluate import evaluate
    from rsitmd_tools.baselines.evaluation.search import search
    from rsitmd_tools.baselines.training.train import train

__all__ = ["Config", "evaluate", "load_config", "search", "train"]

_HOMES = {
    "Config": "config",
    "evaluate": "evaluation.evaluate",
    "load_config": "config",
    "search": "evaluation.search",
    "train": "training.train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
