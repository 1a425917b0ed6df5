"""CLIP by open_clip, with a linear map on each side where the towers are frozen."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch
from torch import Tensor, nn

from rsitmd_tools.baselines.backbone import read_weights
from rsitmd_tools.baselines.base import RetrievalModel, Texts, cosine_matrix
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.state_dict_diff import Unfit, absent, first_of, listed, misshapen
from rsitmd_tools.errors import RsitmdError, reason


class CLIP(RetrievalModel):
    """CLIP (Radford et al., "Learning Transferable Visual Models From Natural Language", 2021).

    ``backbone`` is a name of open_clip, such as ``ViT-B-32``, or a JSON file that describes a
    model as open_clip does. Zero-shot: no epochs. Fine-tuned: both towers are trained.
    Linear probe: with ``freeze_backbone`` a linear map is trained on each side, begun as the
    identity, so that it begins where zero-shot stands.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: Config, _: int) -> None:
        """Make the towers.

        Raises:
            RsitmdError: There is no such model, or the weights do not fit it.
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
        except (TypeError, ValueError, KeyError, AssertionError) as error:
            raise RsitmdError(
                f"describes no CLIP ({reason(error)})",
                where=f"backbone {config.backbone}",
                hint="see open_clip's model_configs",
            ) from error
        if config.weights is not None:
            _load(self.towers, Path(config.weights), config.backbone)
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
        """The embedding of a tower of these settings: equal weights may have other heads."""
        return self._kind

    def features(self, images: Tensor) -> list[Tensor]:
        """Embed images by the image tower."""
        return [self.towers.encode_image((images - self.mean) / self.std)]

    def encode_features(self, features: Sequence[Tensor]) -> Tensor:
        """Map the embedding of the image tower."""
        mapped: Tensor = self.of_image(features[0])
        return mapped

    def encode_texts(self, texts: Texts) -> Tensor:
        """Embed sentences by the text tower, and map them."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            embedded = self.towers.encode_text(texts.words)
        mapped: Tensor = self.of_text(embedded)
        return mapped

    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Cosine of all pairs."""
        return cosine_matrix(images, texts)


def clip_settings(name: str) -> dict[str, Any]:
    """Return the settings of a model by its name, or from a JSON file.

    Raises:
        RsitmdError: There is no such name or file.
    """
    settings = open_clip.get_model_config(name)
    if settings is None:
        try:
            settings = json.loads(Path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RsitmdError(
                f"open_clip does not know it ({reason(error)})",
                where=f"backbone {name}",
                hint="name one such as ViT-B-32, or a JSON file of its kind",
            ) from error
    wanted = ("embed_dim", "vision_cfg", "text_cfg")
    if not isinstance(settings, dict) or any(key not in settings for key in wanted):
        raise RsitmdError(
            "describes no CLIP",
            where=f"backbone {name}",
            hint=f"a JSON object with {', '.join(wanted)}",
        )
    kept: dict[str, Any] = {key: settings[key] for key in wanted}
    if "quick_gelu" in settings:
        kept["quick_gelu"] = settings["quick_gelu"]
    # open_clip hands out its own dictionaries: a copy is changed here.
    return copy.deepcopy(kept)


def _identity(width: int) -> nn.Linear:
    linear = nn.Linear(width, width)
    nn.init.eye_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear


def _load(towers: nn.Module, file: Path, name: str) -> None:
    state, _ = read_weights(file)
    own = towers.state_dict()
    missing, shapes = absent(own, state), misshapen(own, state)
    if missing or shapes:
        raise Unfit(
            f"fits another model than {name}: {len(missing)} names absent "
            f"({first_of(missing)}), {len(shapes)} shapes differ ({first_of(shapes)})",
            listed(missing, shapes),
            where=file,
            hint="name the weights of this model",
        )
    towers.load_state_dict({key: state[key] for key in own})
