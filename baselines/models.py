"""Models by name, and the tokenizer of each model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rsitmd_tools.baselines.amfmn.model import AMFMN
from rsitmd_tools.baselines.base import RetrievalModel, Tokenizer
from rsitmd_tools.baselines.camp.model import CAMP
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.mtfn.model import MTFN
from rsitmd_tools.baselines.scan.model import SCAN
from rsitmd_tools.baselines.text import Vocabulary
from rsitmd_tools.baselines.vsepp.model import VSEPP
from rsitmd_tools.baselines.words import ShortVocabulary
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.plugins import BASELINES, load_plugins


def _clip(config: Config, words: int) -> RetrievalModel:
    # open_clip takes seconds to import, so it is imported only for CLIP.
    from rsitmd_tools.baselines.clip.model import CLIP

    return CLIP(config, words)


MODELS: dict[str, Callable[[Config, int], RetrievalModel]] = {
    "amfmn": AMFMN,
    "camp": CAMP,
    "clip": _clip,
    "mtfn": MTFN,
    "scan": SCAN,
    "vsepp": VSEPP,
}


def models() -> dict[str, Callable[[Config, int], RetrievalModel]]:
    """Return the constructors of all models by name, including those of other packages."""
    return {**load_plugins(BASELINES), **MODELS}


def make_model(config: Config, tokenizer: Tokenizer) -> RetrievalModel:
    """Create the model of a configuration for the vocabulary of a tokenizer."""
    return models()[config.model](config, len(tokenizer))


def image_parts(config: Config) -> tuple[str, ...]:
    """Return the submodules of a model that only encode images; empty if it declares none."""
    return tuple(getattr(models()[config.model], "image_parts", ()))


def make_tokenizer(config: Config, training: Dataset) -> Tokenizer:
    """Create the tokenizer of a configuration from the sentences of the training part."""
    if config.model == "clip":
        return _clip_tokenizer(config)
    return _vocabulary(config).of(training, config.query, config.keywords == "derived")


def load_tokenizer(config: Config, file: Path) -> Tokenizer:
    """Read the tokenizer of a run.

    Raises:
        RsitmdError: The file is missing or malformed.
    """
    if config.model == "clip":
        return _clip_tokenizer(config)
    return _vocabulary(config).load(file)


def _vocabulary(config: Config) -> type[Vocabulary]:
    short = getattr(models()[config.model], "short_texts", False)
    return ShortVocabulary if short else Vocabulary


def _clip_tokenizer(config: Config) -> Tokenizer:
    from rsitmd_tools.baselines.clip.model import clip_settings
    from rsitmd_tools.baselines.clip.tokenizer import ClipTokenizer

    context = int(clip_settings(config.backbone)["text_cfg"].get("context_length", 77))
    return ClipTokenizer(context, config.query)
