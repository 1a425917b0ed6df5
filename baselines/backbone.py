"""Backbones by their timm name, their stages as feature maps.

timm is imported inside the functions that need it: it imports torchvision and torch._dynamo,
which takes longer than torch itself, and evaluation code imports this module.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rsitmd_tools.baselines.state_dict_diff import (
    StateDictMismatch,
    first_mismatches,
    mismatch_counts,
    mismatch_lines,
    missing_names,
    shape_mismatches,
)
from rsitmd_tools.errors import RsitmdError, count_of, reason

STAGES = 4
# No configuration can have this name: its schema refuses it.
NO_BACKBONE = ""
# The metadata entry of a weights file: its source and the normalisation of images.
METADATA_KEY = "rsitmd_tools"
WRAPPED = ("state_dict", "model")  # where trainers put the tensors in a checkpoint
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


class Backbone(nn.Module):
    """The last four stages of a network, with the normalisation of its images.

    Attributes:
        name: Its timm name.
        channels: Channels of the four maps.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, weights: str | None = None, image_size: int = 256) -> None:
        """Create the network.

        Args:
            name: A timm name. The network must have at least four feature maps.
            weights: A file of weights (.pth, .safetensors); without it, weights are random.
                The normalisation is read from the file, or else from timm.
            image_size: Side of the images, in pixels.

        Raises:
            RsitmdError: The network does not exist, it does not support images of this size,
                or the weights do not match it.
        """
        from timm.layers.format import Format

        super().__init__()
        self.name = name
        self.network = _make_network(name, image_size)
        self.channels: list[int] = self.network.feature_info.channels()[-STAGES:]
        if len(self.channels) < STAGES:
            raise RsitmdError(
                f"has {len(self.channels)} stages, {STAGES} are needed",
                where=f"backbone {name}",
                hint="use another backbone, such as resnet18",
            )
        self._channels_last = getattr(self.network, "output_fmt", None) == Format.NHWC
        normalisation = {**IMAGENET, **normalisation_of(name)}
        if weights is not None:
            state, metadata = read_weights(Path(weights))
            _load(self.network, state, Path(weights), metadata, name)
            for key in ("mean", "std"):
                if key in metadata:
                    normalisation[key] = metadata[key]
        # Channels last is a third to two thirds faster on a CPU; depthwise convolutions gain most.
        self.network.to(memory_format=torch.channels_last)
        # Registered as buffers, so that a checkpoint includes the normalisation.
        for key in ("mean", "std"):
            self.register_buffer(key, torch.tensor(normalisation[key]).view(3, 1, 1))
        self._check(image_size)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map ``(B, 3, H, W)`` in [0, 1] to four maps ``(B, C_i, H_i, W_i)``, finest first."""
        normal = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        maps: list[Tensor] = self.network(normal)[-STAGES:]
        return (
            [feature_map.permute(0, 3, 1, 2) for feature_map in maps]
            if self._channels_last
            else maps
        )

    @torch.no_grad()
    def _check(self, size: int) -> None:
        """Run one image, so that an unsupported size is reported before images are decoded."""
        if not _has_fixed_size(self.name):
            # A copy on the meta device computes shapes only: it is fast and draws no random number.
            with suppress(Exception), torch.device("meta"):
                copy = _make_network(self.name, size).eval()
                copy(torch.empty(1, 3, size, size))
                return
        # Position tables fail only on real values, and some networks do not run on meta tensors.
        try:
            self.eval()(torch.zeros(1, 3, size, size))
        except (RuntimeError, AssertionError, ValueError, TypeError, IndexError) as error:
            raise _unsupported_size(self.name, size, reason(error)) from error
        self.train()


class NoBackbone(nn.Module):
    """The place of the backbone in a model that scores encoded images, without timm.

    Attributes:
        name: :data:`NO_BACKBONE`.
        channels: One channel each: the modules that read maps are not used either.
    """

    name = NO_BACKBONE
    channels = (1,) * STAGES

    def forward(self, images: Tensor) -> list[Tensor]:
        """Refuse: there is no network."""
        raise NotImplementedError("the model was loaded without its image parts")


def make_backbone(
    name: str, weights: str | None = None, image_size: int = 256
) -> Backbone | NoBackbone:
    """Return the backbone of a configuration; see :class:`Backbone`."""
    return NoBackbone() if name == NO_BACKBONE else Backbone(name, weights, image_size)


def _has_fixed_size(name: str) -> bool:
    import timm

    known = timm.models.get_pretrained_cfg(name, allow_unregistered=True)
    return known is not None and bool(known.fixed_input_size)


def _make_network(name: str, size: int) -> Any:
    import timm

    # Networks with a fixed input size (Swin, CoaT, MaxViT) are created for this size.
    sized: dict[str, Any] = {"img_size": size} if _has_fixed_size(name) else {}
    try:
        return timm.create_model(name, pretrained=False, features_only=True, **sized)
    except (RuntimeError, AttributeError, ValueError, TypeError, AssertionError) as error:
        if sized:
            raise _unsupported_size(name, size, reason(error)) from error
        if not timm.is_model(name):
            raise RsitmdError(
                "timm has no such model",
                where=f"backbone {name}",
                hint="use another backbone, such as resnet18",
            ) from error
        raise RsitmdError(
            f"timm cannot create feature maps ({reason(error)})",
            where=f"backbone {name}",
            hint="use another backbone, such as resnet18",
        ) from error


def _unsupported_size(name: str, size: int, why: str) -> RsitmdError:
    return RsitmdError(
        f"does not support images of {size} pixels: {why}",
        where=f"backbone {name}",
        hint="use another image_size or backbone",
    )


def normalisation_of(name: str) -> dict[str, tuple[float, ...]]:
    """Return mean and std of a network's pretrained weights; empty if timm does not know them."""
    import timm

    settings = timm.models.get_pretrained_cfg(name, allow_unregistered=True)
    if settings is None:
        return {}
    return {"mean": tuple(settings.mean), "std": tuple(settings.std)}


def read_weights(file: Path) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    """Read the tensors of a weights file and its metadata, without executing code in it.

    Returns:
        Tensors by name, and the metadata; empty metadata if the file has none. In a .pth file,
        the tensors may lie under one of :data:`WRAPPED`.

    Raises:
        RsitmdError: The file does not exist, or contains anything but tensors.
    """
    metadata: Mapping[str, Any] = {}
    try:
        if file.suffix == ".safetensors":
            from safetensors import safe_open

            with safe_open(file, "pt") as opened:
                metadata = json.loads((opened.metadata() or {}).get(METADATA_KEY, "{}"))
                state = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
            state = next((state[key] for key in WRAPPED if isinstance(state.get(key), dict)), state)
        if not all(isinstance(key, str) and _is_plain(value) for key, value in state.items()):
            raise TypeError("it contains more than plain tensors with names")
    except FileNotFoundError as error:
        raise RsitmdError(
            "does not exist", where=file, hint="pass an existing weights file"
        ) from error
    except Exception as error:
        raise RsitmdError(
            "is not a weights file that can be read safely",
            where=file,
            hint="use a .safetensors file, or a .pth file that contains only tensors",
        ) from error
    return dict(state), metadata


def _is_plain(value: object) -> bool:
    """Return whether a value is a tensor that can be copied into a parameter."""
    return (
        isinstance(value, Tensor)
        and value.layout is torch.strided
        and value.device.type == "cpu"
        and not (value.is_quantized or value.is_nested or value.is_complex())
    )


def check_values(own: Mapping[str, Tensor], state: Mapping[str, Tensor], file: Path) -> None:
    """Check that the tensors of a weights file can become those of a network.

    Args:
        own: The tensors of the network.
        state: Those of the file, by the same names.
        file: The file, for the message.

    Raises:
        RsitmdError: A weight is an integer or a truth value: quantised weights need a scale, which
            is not read. Or one is NaN or infinite: each score of the model would be NaN.
    """
    integers = [
        key
        for key, value in state.items()
        if own[key].is_floating_point() and not value.is_floating_point()
    ]
    if integers:
        raise RsitmdError(
            f"has integers as weights, in {count_of(len(integers), 'tensor')} "
            f"({first_mismatches(integers)})",
            where=file,
            hint="use weights in single or half precision, which are not quantised",
        )
    damaged = [key for key, value in state.items() if not bool(value.isfinite().all())]
    if damaged:
        raise RsitmdError(
            f"has values that are not finite, in {count_of(len(damaged), 'tensor')} "
            f"({first_mismatches(damaged)})",
            where=file,
            hint="use an undamaged copy of the weights",
        )


def _load(
    network: nn.Module, state: dict[str, Tensor], file: Path, metadata: Mapping[str, Any], name: str
) -> None:
    """Load weights; ignore tensors that the network does not have, such as a classifier."""
    own = network.state_dict()
    state = _renamed(state, own)
    missing, shapes = missing_names(own, state), shape_mismatches(own, state)
    if missing or shapes:
        made_for = f" (weights of {metadata['backbone']})" if "backbone" in metadata else ""
        raise StateDictMismatch(
            f"does not match backbone {name}{made_for}: {mismatch_counts(missing, shapes)}",
            mismatch_lines(missing, shapes),
            where=file,
            # Same network, so another image size: some networks have a position table.
            hint="set image_size to the size the weights were trained with"
            if metadata.get("backbone") == name
            else "use weights of this backbone, or to convert them, run: rsitmd benchmark weights",
        )
    used = {key: state[key] for key in own}
    check_values(own, used, file)
    network.load_state_dict(used)


def _renamed(state: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename tensors to the names that timm uses with ``features_only``.

    There ``stages.0.norm`` of the published network is ``stages_0.norm``, or has the prefix
    ``model.`` or ``body.``.
    """
    names = {_plain(key): key for key in own}
    return {names.get(_plain(key), key): value for key, value in state.items()}


def _plain(name: str) -> str:
    return name.removeprefix("model.").removeprefix("body.").replace(".", "_")
