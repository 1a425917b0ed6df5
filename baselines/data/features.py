"""Features of a frozen backbone, computed once and stored in memory-mapped files.

The file names contain a key of the images, their size, the backbone, its weights and the views.
Runs with other seeds, folds or heads reuse the files; other backbones never do, even if their
weights are equal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from rsitmd_tools.baselines.base import RetrievalModel
from rsitmd_tools.baselines.data.images import unit_images
from rsitmd_tools.baselines.data.mapped import MappedArray, make_once, new_array
from rsitmd_tools.baselines.data.views import turned
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.progress import progress

BATCH = 32
# Half precision halves the files; the relative error of each value is less than 0.1 %.
STORED_TYPE = np.float16


@torch.no_grad()
def cached_features(
    model: RetrievalModel, pixels: MappedArray, views: int, folder: Path, device: str = "cpu"
) -> list[MappedArray]:
    """Open the features of all images in all views; compute them if they are not stored yet.

    Args:
        model: The model; its backbone is run in evaluation mode.
        pixels: ``(N, S, S, 3)`` uint8; the file name contains a key of the images.
        views: Number of views K.
        folder: Folder of the files.
        device: Device for the computation.

    Returns:
        One array ``(N, K, ...)`` for each tensor of :meth:`RetrievalModel.features`.

    Raises:
        RsitmdError: A feature is too large for half precision, or the disk is full.
    """
    was_training = model.training
    model.eval()
    key = features_key(model, pixels.file.stem, views)
    shapes = [part.shape[1:] for part in model.features(unit_images(pixels.array[:1]))]
    files = [folder / f"features-{key}-{part}.npy" for part in range(len(shapes))]
    make_once(
        folder / f"features-{key}",
        files,
        lambda: _compute(model.to(device), pixels.array, views, files, shapes, device),
    )
    model.train(was_training)
    return [MappedArray(file) for file in files]


def features_key(model: RetrievalModel, images: str, views: int) -> str:
    """Return a key of the images, the views, the backbone and its weights.

    The kind of features identifies the network, which the weights alone do not.
    """
    key = hashlib.sha256(
        f"{images} {model.features_kind()} {views} {STORED_TYPE.__name__}".encode()
    )
    for name, value in model.frozen_part().state_dict().items():
        key.update(name.encode())
        key.update(value.detach().cpu().contiguous().numpy().tobytes())
    return key.hexdigest()[:16]


def _compute(
    model: RetrievalModel,
    pixels: npt.NDArray[np.uint8],
    views: int,
    files: Sequence[Path],
    shapes: Sequence[torch.Size],
    device: str,
) -> None:
    with ExitStack() as stack, progress("features", len(pixels) * views) as step:
        arrays = [
            stack.enter_context(new_array(file, (len(pixels), views, *shape), STORED_TYPE))
            for file, shape in zip(files, shapes, strict=True)
        ]
        for first in range(0, len(pixels), BATCH):
            images = unit_images(pixels[first : first + BATCH], device)
            for view in range(views):
                for array, part in zip(arrays, model.features(turned(images, view)), strict=True):
                    stored = part.to(torch.float16).cpu().numpy()
                    if not np.isfinite(stored).all():
                        raise RsitmdError(
                            f"features of {float(part.abs().max()):g} exceed half precision",
                            where="the frozen backbone",
                            hint="use weights of this backbone with --set weights=FILE",
                        )
                    array[first : first + len(stored), view] = stored
                step(len(images))
