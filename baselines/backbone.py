"""Backbones by their timm name, their stages as feature maps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from rsitmd_tools.errors import RsitmdError, reason

STAGES = 4
# The entry in which a file of weights says what it was made of and how images are normalised.
ABOUT = "rsitmd_tools"
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


class Backbone(nn.Module):
    """The last four stages of a convolutional network, with the normalisation it wants.

    Attributes:
        name: Its timm name.
        channels: Channels of the four maps.
        strides: Their strides against the input.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, weights: str | None = None) -> None:
        """Make the network.

        Args:
            name: A timm name; any that gives feature maps.
            weights: A file with its weights (.pth, .safetensors), random without one. The
                normalisation is the one the file names, else the one timm has for it.

        Raises:
            RsitmdError: There is no such network, or the weights do not fit it.
        """
        super().__init__()
        self.name = name
        try:
            network: Any = timm.create_model(name, pretrained=False, features_only=True)
        except (RuntimeError, AttributeError, ValueError, TypeError) as error:
            raise RsitmdError(
                f"timm makes no feature maps of it ({reason(error)})",
                where=f"backbone {name}",
                mend="choose another, such as resnet18",
            ) from error
        self.network = network
        info = network.feature_info
        self.channels: list[int] = info.channels()[-STAGES:]
        self.strides: list[int] = info.reduction()[-STAGES:]
        if len(self.channels) < STAGES:
            raise RsitmdError(
                f"has {len(self.channels)} stages, not {STAGES}",
                where=f"backbone {name}",
                mend="choose another, such as resnet18",
            )
        wanted = {**IMAGENET, **normalisation_of(name)}
        if weights is not None:
            state, about = read_weights(Path(weights))
            _load(self.network, state, Path(weights), about, name)
            for key in ("mean", "std"):
                if key in about:
                    wanted[key] = about[key]
        # Channels last: a third to two thirds faster on a CPU, where depthwise convolutions
        # gain the most.
        self.network.to(memory_format=torch.channels_last)
        # Buffers: a checkpoint carries its normalisation along.
        for key in ("mean", "std"):
            self.register_buffer(key, torch.tensor(wanted[key]).view(3, 1, 1))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map ``(B, 3, H, W)`` in [0, 1] to four maps ``(B, C_i, H_i, W_i)``, finest first."""
        normal = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        maps: list[Tensor] = self.network(normal)
        return maps[-STAGES:]


def normalisation_of(name: str) -> dict[str, tuple[float, ...]]:
    """Return mean and std of a network's pretrained weights, where timm knows them."""
    settings = timm.models.get_pretrained_cfg(name, allow_unregistered=True)
    if settings is None:
        return {}
    return {"mean": tuple(settings.mean), "std": tuple(settings.std)}


def read_weights(file: Path) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    """Read tensors by name, and what the file says of itself; nothing in it is run.

    Raises:
        RsitmdError: It is absent, or holds anything but tensors.
    """
    about: Mapping[str, Any] = {}
    try:
        if file.suffix == ".safetensors":
            from safetensors import safe_open

            with safe_open(file, "pt") as opened:
                about = json.loads((opened.metadata() or {}).get(ABOUT, "{}"))
                state = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state)
        if not all(isinstance(value, Tensor) for value in state.values()):
            raise TypeError("it holds more than tensors")
    except FileNotFoundError as error:
        raise RsitmdError("does not exist", where=file, mend="name a file of weights") from error
    except Exception as error:
        raise RsitmdError(
            f"holds no weights that can be read safely ({reason(error)})",
            where=file,
            mend="name a .safetensors file or a .pth file of tensors alone",
        ) from error
    return dict(state), about


def _load(
    network: nn.Module, state: dict[str, Tensor], file: Path, about: Mapping[str, Any], name: str
) -> None:
    """Load weights; what the network has no place for (a classifier) is left out."""
    own = network.state_dict()
    missing = [key for key in own if key not in state]
    other = [
        f"{key} {tuple(state[key].shape)} for {tuple(own[key].shape)}"
        for key in own
        if key in state and own[key].shape != state[key].shape
    ]
    if missing or other:
        made_for = f", made for {about['backbone']}" if "backbone" in about else ""
        raise RsitmdError(
            f"fits another backbone than {name}{made_for}: {len(missing)} names absent "
            f"({', '.join(missing[:3])}), {len(other)} shapes differ ({', '.join(other[:3])})",
            where=file,
            mend="name the weights of this backbone, or convert them: rsitmd benchmark weights",
        )
    network.load_state_dict({key: state[key] for key in own})
