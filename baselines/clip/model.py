"""CLIP by open_clip, with a linear map per modality if the towers are frozen."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch
from torch import Tensor, nn

from rsitmd_tools.baselines.base import RetrievalModel, Scorer, Texts, cosine_matrix, cosine_scorer
from rsitmd_tools.baselines.clip.weights import load_towers
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.errors import RsitmdError, reason

TOWERS = ("vision_cfg", "text_cfg")
VOCABULARY = 49408  # tokens of CLIP's byte-pair encoding


class CLIP(RetrievalModel):
    """CLIP (Radford et al., "Learning Transferable Visual Models From Natural Language", 2021).

    ``backbone`` is a model name of open_clip, such as ``ViT-B-32``, or a JSON model config in
    the format of open_clip. There are three modes. Zero-shot: no epochs. Fine-tuning: both
    towers are trained. Linear probe (``freeze_backbone``): a linear map is trained for each
    modality; it starts as the identity, so the first scores are the zero-shot scores.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: Config, _: int) -> None:
        """Create the towers.

        Raises:
            RsitmdError: The model does not exist, or the weights do not match it.
        """
        super().__init__()
        settings = clip_settings(config.backbone)
        settings["vision_cfg"]["image_size"] = config.image_size
        self._kind = json.dumps(
            ["clip", settings, open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD],
            sort_keys=True,
        )
        try:
            self.towers = open_clip.CLIP(**settings)
        except Exception as error:
            raise RsitmdError(
                f"not a valid CLIP config ({reason(error)})",
                where=f"backbone {config.backbone}",
                hint="compare with the files in open_clip/model_configs",
            ) from error
        if config.weights is not None:
            load_towers(self.towers, Path(config.weights), config.backbone)
        self.frozen = config.freeze_backbone
        width = int(settings["embed_dim"])
        self.of_image = _identity(width) if self.frozen else nn.Identity()
        self.of_text = _identity(width) if self.frozen else nn.Identity()
        self.register_buffer("mean", torch.tensor(open_clip.OPENAI_DATASET_MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(open_clip.OPENAI_DATASET_STD).view(3, 1, 1))

    def frozen_part(self) -> nn.Module:
        """Both towers."""
        towers: nn.Module = self.towers
        return towers

    def features_kind(self) -> str:
        """The model settings: equal weights may belong to different heads."""
        return self._kind

    def features(self, images: Tensor) -> list[Tensor]:
        """Embed images with the image tower."""
        return [self.towers.encode_image((images - self.mean) / self.std)]

    def encode_features(self, features: Sequence[Tensor]) -> Tensor:
        """Map the embedding of the image tower."""
        mapped: Tensor = self.of_image(features[0])
        return mapped

    def encode_texts(self, texts: Texts) -> Tensor:
        """Embed sentences with the text tower and map them."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            embedded = self.towers.encode_text(texts.words)
        mapped: Tensor = self.of_text(embedded)
        return mapped

    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Return the cosine similarity of all pairs."""
        return cosine_matrix(images, texts)

    def scorer(self, images: Tensor) -> Scorer:
        """Return the cosine as a function of the texts; images are normalised once."""
        return cosine_scorer(images)


def settings_file(name: str) -> Path | None:
    """Return the JSON file of a model; None if open_clip knows a model of this name."""
    return Path(name) if open_clip.get_model_config(name) is None else None


def clip_settings(name: str) -> dict[str, Any]:
    """Return the settings of a model by name or from a JSON file.

    Raises:
        RsitmdError: No such model or file exists, or its texts have other tokens than CLIP's.
    """
    settings = open_clip.get_model_config(name)
    if settings is None:
        try:
            settings = json.loads(Path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RsitmdError(
                f"not a model of open_clip ({reason(error)})",
                where=f"backbone {name}",
                hint="use a model name such as ViT-B-32, or a JSON model config",
            ) from error
    required = ("embed_dim", *TOWERS)
    if (
        not isinstance(settings, dict)
        or any(key not in settings for key in required)
        or not all(isinstance(settings[key], dict) for key in TOWERS)
    ):
        raise RsitmdError(
            "not a valid CLIP config",
            where=f"backbone {name}",
            hint=f"use a JSON object with the keys {', '.join(required)}; the last two are objects",
        )
    _check_text(settings["text_cfg"], name)
    kept: dict[str, Any] = {key: settings[key] for key in required}
    if "quick_gelu" in settings:
        kept["quick_gelu"] = settings["quick_gelu"]
    # open_clip returns its internal dictionaries, and the caller changes the settings.
    kept = copy.deepcopy(kept)
    kept["vision_cfg"]["timm_model_pretrained"] = False  # timm would download the weights.
    return kept


def _check_text(text: dict[str, Any], name: str) -> None:
    """Check that a text tower reads the tokens of CLIP.

    Those of Hugging Face would be downloaded, and their tokens are other ones.

    Raises:
        RsitmdError: It does not.
    """
    hint = "use a model that reads the tokens of CLIP, such as ViT-B-32"
    other = [key for key in ("hf_model_name", "hf_tokenizer_name") if text.get(key)]
    if other:
        raise RsitmdError(
            f"its texts need a tokenizer of Hugging Face ({other[0]}: {text[other[0]]})",
            where=f"backbone {name}",
            hint=hint,
        )
    size = text.get("vocab_size", VOCABULARY)
    if not isinstance(size, int) or size < VOCABULARY:
        raise RsitmdError(
            f"text_cfg.vocab_size is {size}, and CLIP has {VOCABULARY} tokens",
            where=f"backbone {name}",
            hint=hint,
        )


def _identity(width: int) -> nn.Linear:
    linear = nn.Linear(width, width)
    nn.init.eye_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
