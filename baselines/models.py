"""The model of a configuration, and its tokenizer."""

from __future__ import annotations

from pathlib import Path

from rsitmd_tools.baselines.base import RetrievalModel, Tokenizer
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.registry import load_model
from rsitmd_tools.baselines.sentence_vectors import (
    SentenceVectors,
    VectorTokenizer,
    load_vector_tokenizer,
)
from rsitmd_tools.baselines.text import Vocabulary
from rsitmd_tools.baselines.words import ShortVocabulary
from rsitmd_tools.dataset import Dataset


def make_model(config: Config, tokenizer: Tokenizer) -> RetrievalModel:
    """Create the model of a configuration for the vocabulary of a tokenizer."""
    # A model that cannot use vectors has no such parameter; the configuration refuses it.
    vectors = {"vectors": tokenizer.dimension} if isinstance(tokenizer, VectorTokenizer) else {}
    model: RetrievalModel = load_model(config.model)(config, len(tokenizer), **vectors)
    return model


def image_parts(config: Config) -> tuple[str, ...]:
    """Return the submodules of a model that only encode images; empty if it declares none."""
    return tuple(getattr(load_model(config.model), "image_parts", ()))


def make_tokenizer(config: Config, training: Dataset) -> Tokenizer:
    """Create the tokenizer of a configuration from the sentences of the training part."""
    if config.model == "clip":
        return _clip_tokenizer(config)
    vocabulary = _vocabulary(config).of(training, config.query, config.keywords == "derived")
    if config.text_weights is None:
        return vocabulary
    return VectorTokenizer(vocabulary, SentenceVectors(Path(config.text_weights)))


def load_tokenizer(config: Config, file: Path) -> Tokenizer:
    """Read the tokenizer of a run.

    Raises:
        RsitmdError: The file is missing or malformed.
    """
    if config.model == "clip":
        return _clip_tokenizer(config)
    vocabulary = _vocabulary(config).load(file)
    if config.text_weights is None:
        return vocabulary
    return load_vector_tokenizer(vocabulary, file)


def _vocabulary(config: Config) -> type[Vocabulary]:
    short = getattr(load_model(config.model), "short_texts", False)
    return ShortVocabulary if short else Vocabulary


def _clip_tokenizer(config: Config) -> Tokenizer:
    from rsitmd_tools.baselines.clip.model import clip_settings
    from rsitmd_tools.baselines.clip.tokenizer import ClipTokenizer

    context = int(clip_settings(config.backbone)["text_cfg"].get("context_length", 77))
    return ClipTokenizer(context, config.query)
