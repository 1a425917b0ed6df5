"""Models by name."""

from __future__ import annotations

from collections.abc import Callable

from rsitmd_tools.baselines.amfmn.model import AMFMN
from rsitmd_tools.baselines.base import RetrievalModel
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.vsepp.model import VSEPP

MODELS: dict[str, Callable[[Config, int], RetrievalModel]] = {"amfmn": AMFMN, "vsepp": VSEPP}


def make_model(config: Config, words: int) -> RetrievalModel:
    """Make the model of a configuration.

    Args:
        config: The configuration.
        words: Size of the vocabulary.
    """
    return MODELS[config.model](config, words)
