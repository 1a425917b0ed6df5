"""``benchmark weights``: convert published weights to the tensor names of timm."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

from rsitmd_tools.atomic import atomic_path
from rsitmd_tools.baselines.backbone import (
    IMAGENET,
    METADATA_KEY,
    check_values,
    normalisation_of,
    read_weights,
)
from rsitmd_tools.baselines.state_dict_diff import (
    StateDictMismatch,
    mismatch_counts,
    mismatch_lines,
    missing_names,
    shape_mismatches,
)
from rsitmd_tools.errors import RsitmdError, WrongUsage, reason
from rsitmd_tools.hashing import sha256_file

# What a tensor is in its layer. Those of a batch normalisation have one shape, so only the names
# show that their order differs.
KINDS = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}


def convert_weights(
    source: Path,
    backbone: str,
    target: Path,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> int:
    """Convert a file of weights to a ``.safetensors`` file for a backbone.

    If the names are those of timm, they are used. Otherwise tensors are matched in order: shapes
    and kinds (weight, bias, running mean, ...) must be equal. The same source always gives the
    same bytes.

    Args:
        source: A .pth or .safetensors file of tensors.
        backbone: A timm name.
        target: The output file. Its metadata holds the source and the normalisation.
        mean: Mean of the images per channel, in [0, 1]; default: that of timm.
        std: Standard deviation of the images per channel; default: that of timm.

    Returns:
        Number of tensors.

    Raises:
        RsitmdError: The source contains anything but tensors, or the tensors of another
            network; the mismatches are listed.
        WrongUsage: The name of the target does not end in ``.safetensors``, or the normalisation
            is not that of images in [0, 1].
    """
    from safetensors.torch import save_file

    if target.suffix != ".safetensors":
        raise WrongUsage(
            f"{target}: not a .safetensors file", hint="use a file name that ends in .safetensors"
        )
    _check_normalisation("--mean", mean, "from 0 to 1", lambda value: 0 <= value <= 1)
    _check_normalisation("--std", std, "above 0 and at most 1", lambda value: 0 < value <= 1)
    state, _ = read_weights(source)
    own = _names_of(backbone)
    by_name = set(own) <= set(state)
    pairs = {key: state[key] for key in own} if by_name else _in_order(own, state, source, backbone)
    shapes = shape_mismatches(own, pairs)
    if shapes:
        raise StateDictMismatch(
            f"does not match {backbone}: {mismatch_counts([], shapes)}",
            shapes,
            where=source,
            hint="use --backbone with the name of the network of these weights",
        )
    check_values(own, pairs, source)
    if not by_name:
        _check_kinds(own, state, source, backbone)
    default = {**IMAGENET, **normalisation_of(backbone)}
    metadata = {
        "backbone": backbone,
        "source": source.name,
        "source_sha256": sha256_file(source),
        "mean": list(mean or default["mean"]),
        "std": list(std or default["std"]),
    }
    # A single entry: the order of several is random, and results record the checksum.
    entry = {METADATA_KEY: json.dumps(metadata, sort_keys=True)}
    # The library refuses a tensor with several names, as in CoaT.
    alone = {key: value.contiguous().clone() for key, value in pairs.items()}
    with atomic_path(target) as partial:
        save_file(alone, partial, entry)
    return len(pairs)


def _check_normalisation(
    option: str, values: Sequence[float] | None, limits: str, fits: Callable[[float], bool]
) -> None:
    """Check values of a normalisation: often they are published for images from 0 to 255.

    Raises:
        WrongUsage: One cannot belong to images in [0, 1].
    """
    if values is not None and not all(map(fits, values)):
        given = " ".join(f"{value:g}" for value in values)
        raise WrongUsage(
            f"{option} {given}: must be {limits}, as images have values from 0 to 1",
            hint="divide by 255 if these are of images from 0 to 255",
        )


def _names_of(backbone: str) -> dict[str, Tensor]:
    import timm

    try:
        network = timm.create_model(backbone, pretrained=False)
    except (RuntimeError, AttributeError, ValueError, TypeError) as error:
        raise RsitmdError(
            f"not a network of timm ({reason(error)})",
            where=f"backbone {backbone}",
            hint="use another backbone, such as resnet18",
        ) from error
    state: dict[str, Tensor] = network.state_dict()
    return state


def _in_order(
    own: dict[str, Tensor], state: dict[str, Tensor], source: Path, backbone: str
) -> dict[str, Tensor]:
    if len(own) != len(state):
        missing = missing_names(own, state)
        raise StateDictMismatch(
            f"does not match {backbone}: {len(state)} tensors, expected {len(own)}; "
            f"{mismatch_counts(missing, [])}",
            mismatch_lines(missing, shape_mismatches(own, state)),
            where=source,
            hint="use --backbone with the name of the network of these weights",
        )
    return dict(zip(own, state.values(), strict=True))


def _check_kinds(
    own: dict[str, Tensor], state: dict[str, Tensor], source: Path, backbone: str
) -> None:
    """Check that tensors matched in order are the same part of their layer."""
    swapped = [
        f"{name} would be {theirs}"
        for name, theirs in zip(own, state, strict=True)
        if {_kind(name), _kind(theirs)} <= KINDS and _kind(name) != _kind(theirs)
    ]
    if swapped:
        raise StateDictMismatch(
            f"does not match {backbone}: the order of its tensors differs",
            swapped,
            where=source,
            hint="rename its tensors to the names of timm",
        )


def _kind(name: str) -> str:
    """Return what a tensor is in its layer, such as ``weight``."""
    return name.rpartition(".")[2]
