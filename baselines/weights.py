"""``benchmark weights``: published weights into a file of names that timm knows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from rsitmd_tools.atomic import atomic_path
from rsitmd_tools.baselines.backbone import ABOUT, IMAGENET, normalisation_of, read_weights
from rsitmd_tools.baselines.state_dict_diff import Unfit, absent, first_of, listed, misshapen
from rsitmd_tools.errors import RsitmdError, WrongUsage, reason
from rsitmd_tools.hashing import sha256_file


def convert_weights(
    source: Path,
    backbone: str,
    target: Path,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> int:
    """Convert a file of weights to a ``.safetensors`` file for a backbone.

    Names are taken over where they are timm's; else tensors are matched in order, and
    every one must have the shape of its place. The same source gives the same bytes.

    Args:
        source: A .pth or .safetensors file of tensors.
        backbone: A timm name.
        target: The file; it says what it was made of and how images are normalised.
        mean: Of the images, in [0, 1]; by default what timm has for the backbone.
        std: Likewise.

    Returns:
        How many tensors there are.

    Raises:
        RsitmdError: The source holds anything but tensors, or those of another network;
            names and shapes that differ are listed.
        WrongUsage: The target is no .safetensors file.
    """
    from safetensors.torch import save_file

    if target.suffix != ".safetensors":
        raise WrongUsage(f"{target} does not end in .safetensors")
    state, _ = read_weights(source)
    own = _names_of(backbone)
    by_name = set(own) <= set(state)
    pairs = {key: state[key] for key in own} if by_name else _in_order(own, state, source, backbone)
    shapes = misshapen(own, pairs)
    if shapes:
        raise Unfit(
            f"fits another network than {backbone}: {len(shapes)} shapes differ "
            f"({first_of(shapes)})",
            shapes,
            where=source,
            hint="name the backbone these weights belong to",
        )
    wanted = {**IMAGENET, **normalisation_of(backbone)}
    about = {
        "backbone": backbone,
        "source": source.name,
        "source_sha256": sha256_file(source),
        "mean": list(mean or wanted["mean"]),
        "std": list(std or wanted["std"]),
    }
    # One entry: the library writes several in an order of chance, and results pin the checksum.
    entry = {ABOUT: json.dumps(about, sort_keys=True)}
    # The library refuses a tensor of several names, such as CoAT has.
    alone = {key: value.contiguous().clone() for key, value in pairs.items()}
    with atomic_path(target) as partial:
        save_file(alone, partial, entry)
    return len(pairs)


def _names_of(backbone: str) -> dict[str, Tensor]:
    import timm

    try:
        network = timm.create_model(backbone, pretrained=False)
    except (RuntimeError, AttributeError, ValueError, TypeError) as error:
        raise RsitmdError(
            f"timm does not know it ({reason(error)})",
            where=f"backbone {backbone}",
            hint="choose another, such as resnet18",
        ) from error
    state: dict[str, Tensor] = network.state_dict()
    return state


def _in_order(
    own: dict[str, Tensor], state: dict[str, Tensor], source: Path, backbone: str
) -> dict[str, Tensor]:
    if len(own) != len(state):
        missing = absent(own, state)
        raise Unfit(
            f"fits another network than {backbone}: {len(state)} tensors for {len(own)}, "
            f"{len(missing)} names absent ({first_of(missing)})",
            listed(missing, misshapen(own, state)),
            where=source,
            hint="name the backbone these weights belong to",
        )
    return dict(zip(own, state.values(), strict=True))
