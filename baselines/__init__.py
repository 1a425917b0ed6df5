"""AMFMN, VSE++, SCAN, CAMP, MTFN and CLIP for image-text retrieval: training and evaluation.

The public functions are imported on first use: reading the files of a run does not need torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsitmd_tools.baselines.config import Config, load_config
    from rsitmd_tools.baselines.evaluation.evaluate import evaluate
    from rsitmd_tools.baselines.evaluation.search import search
    from rsitmd_tools.baselines.localisation.locate import locate
    from rsitmd_tools.baselines.training.train import train

__all__ = ["Config", "evaluate", "load_config", "locate", "search", "train"]

_MODULES = {
    "Config": "config",
    "evaluate": "evaluation.evaluate",
    "load_config": "config",
    "locate": "localisation.locate",
    "search": "evaluation.search",
    "train": "training.train",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
