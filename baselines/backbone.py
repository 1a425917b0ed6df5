"""Backbones by their timm name, their stages as feature maps."""

from __future__ import annotations

from pathlib import Path

import timm
import torch
from torch import Tensor, nn

from rsitmd_tools.errors import RsitmdError, reason

STAGES = 4


class Backbone(nn.Module):
    """The last four stages of a convolutional network.

    Attributes:
        channels: Channels of the four maps.
        strides: Their strides against the input.
    """

    def __init__(self, name: str, weights: str | None = None) -> None:
        """Make the network.

        Args:
            name: A timm name; any that gives feature maps.
            weights: A file with its weights (.pth, .safetensors), random without one.

        Raises:
            RsitmdError: There is no such network, or the weights do not fit it.
        """
        super().__init__()
        try:
            self.network = timm.create_model(name, pretrained=False, features_only=True)
        except (RuntimeError, AttributeError, ValueError, TypeError) as error:
            raise RsitmdError(
                f"timm makes no feature maps of it ({reason(error)})",
                where=f"backbone {name}",
                mend="choose another, such as resnet18",
            ) from error
        info = self.network.feature_info
        self.channels: list[int] = info.channels()[-STAGES:]
        self.strides: list[int] = info.reduction()[-STAGES:]
        if weights is not None:
            _load(self.network, Path(weights))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map ``(B, 3, H, W)`` to four maps ``(B, C_i, H_i, W_i)``, finest first."""
        maps: list[Tensor] = self.network(images)
        return maps[-STAGES:]


def _load(network: nn.Module, file: Path) -> None:
    """Load weights; what the network has no place for (a classifier) is left out."""
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        raise RsitmdError(
            f"holds no weights that can be read safely ({reason(error)})",
            where=file,
            mend="name a .safetensors file or a .pth file of tensors alone",
        ) from error
    own = network.state_dict()
    missing = [key for key in own if key not in state]
    other = [key for key in own if key in state and own[key].shape != state[key].shape]
    if missing or other:
        raise RsitmdError(
            f"fits another backbone: {len(missing)} names absent ({', '.join(missing[:3])}), "
            f"{len(other)} shapes differ ({', '.join(other[:3])})",
            where=file,
            mend="name the weights of this backbone",
        )
    network.load_state_dict({key: state[key] for key in own})
