"""Models by name, and the tokenizer each reads texts by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rsitmd_tools.baselines.amfmn.model import AMFMN
from rsitmd_tools.baselines.base import RetrievalModel, Tokenizer
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.text import Vocabulary
from rsitmd_tools.baselines.vsepp.model import VSEPP
from rsitmd_tools.dataset import Dataset

MODELS: dict[str, Callable[[Config, int], RetrievalModel]] = {"amfmn": AMFMN, "vsepp": VSEPP}


def make_model(config: Config, tokenizer: Tokenizer) -> RetrievalModel:
    """Make the model of a configuration, for texts that this tokenizer encodes."""
    return MODELS[config.model](config, len(tokenizer))


def make_tokenizer(config: Config, training: Dataset) -> Tokenizer:
    """Make the tokenizer of a configuration from the texts of its training part."""
    return Vocabulary.of(training, config.query, config.keywords == "derived")


def load_tokenizer(config: Config, file: Path) -> Tokenizer:
    """Read the tokenizer of a run.

    Raises:
        RsitmdError: The file is absent or malformed.
    """
    return Vocabulary.load(file)
