"""Checkpoints of the CLIP family: OpenAI CLIP, RemoteCLIP, GeoRSCLIP and what open_clip trains."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from rsitmd_tools.baselines.backbone import check_values, read_weights
from rsitmd_tools.baselines.state_dict_diff import (
    StateDictMismatch,
    mismatch_counts,
    mismatch_lines,
    missing_names,
    shape_mismatches,
)
from rsitmd_tools.errors import RsitmdError

# Prefixes that a wrapper adds to all names: DistributedDataParallel, torch.compile, a trainer.
WRAPPERS = ("module.", "_orig_mod.", "model.")
# In open_clip's models with a separate text tower, names of the tower start with this.
TEXT_TOWER = "text."
# Only an archive of TorchScript has this file.
SCRIPT_FILE = "constants.pkl"
SCALE = "logit_scale"
# What zipfile raises for other files; UnicodeDecodeError is a ValueError.
DAMAGED = (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error)
CONVERT = (
    "if you trust it, convert it: python -c \"import torch; torch.save(torch.jit.load('{file}', "
    "map_location='cpu').state_dict(), 'clip.pt')\""
)


def load_towers(towers: nn.Module, file: Path, name: str) -> None:
    """Load a checkpoint into both towers, without executing code in it.

    Names may have the prefixes of wrappers (``module.``), the tensors may lie under
    ``state_dict`` or ``model``, and values may have half precision. Tensors that the towers do not
    have, such as ``input_resolution`` of OpenAI, are ignored.

    Args:
        towers: An open_clip model; its parameters keep their precision.
        file: A .pt, .pth or .safetensors file.
        name: Name of the model, for messages.

    Raises:
        RsitmdError: The file does not exist, is a TorchScript archive, contains anything but
            tensors or values that are integers or not finite, or belongs to another model.
    """
    _refuse_script(file)
    state, _ = read_weights(file)
    own = towers.state_dict()
    state = plain_names(state)
    if SCALE in state and state[SCALE].numel() == 1:
        # Some versions of open_clip store it with one dimension.
        state[SCALE] = state[SCALE].reshape(own[SCALE].shape)
    missing, shapes = missing_names(own, state), shape_mismatches(own, state)
    if missing or shapes:
        positions = not missing and all("positional_embedding" in line for line in shapes)
        raise StateDictMismatch(
            f"does not match model {name}: {mismatch_counts(missing, shapes)}",
            mismatch_lines(missing, shapes),
            where=file,
            hint="set image_size to the size the weights were trained with"
            if positions
            else "use weights of this model, or set backbone to the model of the weights",
        )
    used = {key: state[key] for key in own}
    check_values(own, used, file)
    towers.load_state_dict(used)


def plain_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors by the names of :class:`open_clip.CLIP`, without prefixes of wrappers."""
    plain = dict(state)
    wrapped = True
    while wrapped and plain:
        wrapped = False
        for prefix in WRAPPERS:
            if all(key.startswith(prefix) for key in plain):
                plain = {key.removeprefix(prefix): value for key, value in plain.items()}
                wrapped = True
    return {key.removeprefix(TEXT_TOWER): value for key, value in plain.items()}


def _refuse_script(file: Path) -> None:
    """Refuse TorchScript: torch reads such a file only together with the program in it."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.namelist()
    except DAMAGED:
        return  # Not an archive, or a damaged one: torch refuses what it cannot read.
    if not any(member.rpartition("/")[2] == SCRIPT_FILE for member in members):
        return
    raise RsitmdError(
        "is a TorchScript archive, as OpenAI publishes; it contains a program",
        where=file,
        hint=CONVERT.format(file=file.name),
    )
