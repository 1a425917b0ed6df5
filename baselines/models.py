"""The model of a configuration, and its tokenizer."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch

from rsitmd_tools.baselines.amfmn.attention import KINDS
from rsitmd_tools.baselines.base import RetrievalModel, Tokenizer
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.registry import MODELS, load_model
from rsitmd_tools.baselines.sentence_vectors import (
    SentenceVectors,
    VectorTokenizer,
    load_vector_tokenizer,
)
from rsitmd_tools.baselines.text import Vocabulary
from rsitmd_tools.baselines.words import ShortVocabulary
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.plugins import ATTENTION, BASELINES, calling, package_of


def make_model(config: Config, tokenizer: Tokenizer) -> RetrievalModel:
    """Create the model of a configuration for the vocabulary of a tokenizer.

    Raises:
        RsitmdError: A plugin cannot be loaded, or fails.
    """
    # A model that cannot use vectors has no such parameter; the configuration refuses it.
    vectors = {"vectors": tokenizer.dimension} if isinstance(tokenizer, VectorTokenizer) else {}
    with nullcontext() if config.model in MODELS else _calling(config):
        model = load_model(config.model)(config, len(tokenizer), **vectors)
        if not isinstance(model, RetrievalModel):
            raise TypeError(f"{type(model).__name__} is not a RetrievalModel")
    return model


def try_model(model: RetrievalModel, config: Config, tokenizer: Tokenizer) -> None:
    """Score two images and three texts once, if a plugin is part of the model.

    In a training batch, there are as many images as texts: a transposed score would be noticed
    only in the validation.

    Args:
        model: A new model.
        config: Its configuration.
        tokenizer: Its tokenizer.

    Raises:
        PluginError: The plugin fails, or its scores do not have the shape ``(2, 3)`` or are not
            finite.
    """
    if config.model in MODELS and (config.model != "amfmn" or config.attention in KINDS):
        return
    # From black to white: a model may divide by the deviation of an image.
    row = torch.linspace(0, 1, config.image_size)
    images = row.expand(2, 3, config.image_size, -1).contiguous()
    texts = tokenizer.encode(["a port", "two planes", "a river and a road"], [["port"]] * 3)
    model.eval()
    with _calling(config), torch.no_grad():
        scores = model.score(model.encode_images(images), model.encode_texts(texts))
        if scores.shape != (2, 3):
            found = tuple(scores.shape)
            raise ValueError(f"the scores of 2 images and 3 texts have the shape {found}")
        if not bool(scores.isfinite().all()):
            raise ValueError("the scores of 2 images and 3 texts are not finite")
    model.train()


def _calling(config: Config) -> AbstractContextManager[None]:
    """Name the model, or else the attention, of another package in its errors."""
    if config.model in MODELS:
        return calling(f"attention {config.attention}", package_of(ATTENTION, config.attention))
    return calling(f"model {config.model}", package_of(BASELINES, config.model))


def image_parts(config: Config) -> tuple[str, ...]:
    """Return the submodules of a model that only encode images; empty if it declares none."""
    return tuple(getattr(load_model(config.model), "image_parts", ()))


def backbone_file(config: Config) -> Path | None:
    """Return the file that describes the backbone: a JSON model config of CLIP; else None."""
    if config.model != "clip":
        return None
    from rsitmd_tools.baselines.clip.model import settings_file

    return settings_file(config.backbone)


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
