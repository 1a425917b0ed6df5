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

from rsitmd_tools.baselines.state_dict_diff import Unfit, absent, first_of, listed, misshapen
from rsitmd_tools.errors import RsitmdError, reason

STAGES = 4
# The entry in which a file of weights says what it was made of and how images are normalised.
ABOUT = "rsitmd_tools"
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


class Backbone(nn.Module):
    """The last four stages of a network, with the normalisation it wants.

    Attributes:
        name: Its timm name.
        channels: Channels of the four maps.
        strides: Their strides against the input.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, weights: str | None = None, image_size: int = 256) -> None:
        """Make the network.

        Args:
            name: A timm name; any that gives four maps or more of images of this size.
            weights: A file with its weights (.pth, .safetensors), random without one. The
                normalisation is the one the file names, else the one timm has for it.
            image_size: Side of the images it will see.

        Raises:
            RsitmdError: There is no such network, it cannot take images of this size, or the
                weights do not fit it.
        """
        from timm.layers.format import Format

        super().__init__()
        self.name = name
        self.network = _make_network(name, image_size)
        info = self.network.feature_info
        self.channels: list[int] = info.channels()[-STAGES:]
        self.strides: list[int] = info.reduction()[-STAGES:]
        if len(self.channels) < STAGES:
            raise RsitmdError(
                f"has {len(self.channels)} stages, not {STAGES}",
                where=f"backbone {name}",
                hint="choose another, such as resnet18",
            )
        self._channels_last = getattr(self.network, "output_fmt", None) == Format.NHWC
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
        self._check(image_size)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map ``(B, 3, H, W)`` in [0, 1] to four maps ``(B, C_i, H_i, W_i)``, finest first."""
        normal = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        maps: list[Tensor] = self.network(normal)[-STAGES:]
        return [each.permute(0, 3, 1, 2) for each in maps] if self._channels_last else maps

    @torch.no_grad()
    def _check(self, size: int) -> None:
        """Let one image through, so that what cannot run is told before images are decoded."""
        if not _made_for_one_size(self.name):
            # A twin without numbers: shapes alone, in milliseconds, and nothing random drawn.
            with suppress(Exception), torch.device("meta"):
                twin = _make_network(self.name, size).eval()
                twin(torch.empty(1, 3, size, size))
                return
        # Tables of positions fail by their numbers, and some networks need them to run at all.
        try:
            self.eval()(torch.zeros(1, 3, size, size))
        except (RuntimeError, AssertionError, ValueError, TypeError, IndexError) as error:
            raise _cannot_take(self.name, size, reason(error)) from error
        self.train()


def _made_for_one_size(name: str) -> bool:
    import timm

    known = timm.models.get_pretrained_cfg(name, allow_unregistered=True)
    return known is not None and bool(known.fixed_input_size)


def _make_network(name: str, size: int) -> Any:
    import timm

    # Those made for one size of images (Swin, CoAt, MaxViT) are made for this one.
    sized: dict[str, Any] = {"img_size": size} if _made_for_one_size(name) else {}
    try:
        return timm.create_model(name, pretrained=False, features_only=True, **sized)
    except (RuntimeError, AttributeError, ValueError, TypeError, AssertionError) as error:
        if sized:
            raise _cannot_take(name, size, reason(error)) from error
        raise RsitmdError(
            f"timm makes no feature maps of it ({reason(error)})",
            where=f"backbone {name}",
            hint="choose another, such as resnet18",
        ) from error


def _cannot_take(name: str, size: int, why: str) -> RsitmdError:
    return RsitmdError(
        f"cannot take images of {size}: {why}",
        where=f"backbone {name}",
        hint="choose another size or backbone",
    )


def normalisation_of(name: str) -> dict[str, tuple[float, ...]]:
    """Return mean and std of a network's pretrained weights, where timm knows them."""
    import timm

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
        raise RsitmdError("does not exist", where=file, hint="name a file of weights") from error
    except Exception as error:
        raise RsitmdError(
            f"holds no weights that can be read safely ({reason(error)})",
            where=file,
            hint="name a .safetensors file or a .pth file of tensors alone",
        ) from error
    return dict(state), about


def _load(
    network: nn.Module, state: dict[str, Tensor], file: Path, about: Mapping[str, Any], name: str
) -> None:
    """Load weights; what the network has no place for (a classifier) is left out."""
    own = network.state_dict()
    state = _renamed(state, own)
    missing, shapes = absent(own, state), misshapen(own, state)
    if missing or shapes:
        made_for = f", made for {about['backbone']}" if "backbone" in about else ""
        raise Unfit(
            f"fits another backbone than {name}{made_for}: {len(missing)} names absent "
            f"({first_of(missing)}), {len(shapes)} shapes differ ({first_of(shapes)})",
            listed(missing, shapes),
            where=file,
            # Of this very network, so made for another size: some have a table of positions.
            hint="set image_size to that of the weights"
            if about.get("backbone") == name
            else "name the weights of this backbone, or convert them: rsitmd benchmark weights",
        )
    network.load_state_dict({key: state[key] for key in own})


def _renamed(state: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give tensors the names they have within timm's maker of maps.

    It calls ``stages.0.norm`` of the published network ``stages_0.norm``, or puts ``model.``
    or ``body.`` before it.
    """
    names = {_plain(key): key for key in own}
    return {names.get(_plain(key), key): value for key, value in state.items()}


def _plain(name: str) -> str:
    return name.removeprefix("model.").removeprefix("body.").replace(".", "_")
