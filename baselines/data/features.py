"""What a frozen backbone sees, computed once into memory-mapped files.

A key names the files: of the images, their size, the backbone, its weights and the views. So
runs of other seeds, folds or heads read the same files, and another backbone never does, be
its weights the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rsitmd_tools.baselines.base import RetrievalModel
from rsitmd_tools.baselines.data.images import unit_images
from rsitmd_tools.baselines.data.mapped import MappedArray, make_once, new_array
from rsitmd_tools.baselines.data.views import turned
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.progress import progress

BATCH = 32
# Half precision: half the file; features of a few hundred at most lose less than 1 in 1000.
KEPT = np.float16


class Features:
    """The stored features of images, each in K views.

    Args:
        arrays: One for each part of :meth:`RetrievalModel.features`: ``(N, K, ...)``.
    """

    def __init__(self, arrays: Sequence[MappedArray]) -> None:
        self._arrays = list(arrays)

    def __len__(self) -> int:
        return len(self._arrays[0])

    def at(
        self, images: npt.NDArray[np.integer], views: npt.NDArray[np.integer] | int = 0
    ) -> list[Tensor]:
        """Return the features of some images, one view of each, as float32."""
        return [
            torch.from_numpy(mapped.array[images, views]).to(torch.float32)
            for mapped in self._arrays
        ]


@torch.no_grad()
def cached_features(
    model: RetrievalModel, pixels: MappedArray, views: int, folder: Path, device: str = "cpu"
) -> Features:
    """Compute the features of all images in all views, or open them where they are known.

    Args:
        model: Its backbone is run in evaluation mode.
        pixels: ``(N, S, S, 3)`` uint8, its file named by a key of the images.
        views: K.
        folder: Where the files lie.
        device: Where to compute.

    Raises:
        RsitmdError: A feature is too large to be kept, or there is no space.
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
    return Features([MappedArray(file) for file in files])


def features_key(model: RetrievalModel, images: str, views: int) -> str:
    """Return a key of images, views, what computes the features, and its weights.

    The kind of features says what the weights do not: which network they belong to.
    """
    key = hashlib.sha256(f"{images} {model.features_kind()} {views} {KEPT.__name__}".encode())
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
            stack.enter_context(new_array(file, (len(pixels), views, *shape), KEPT))
            for file, shape in zip(files, shapes, strict=True)
        ]
        for first in range(0, len(pixels), BATCH):
            images = unit_images(pixels[first : first + BATCH]).to(device)
            for view in range(views):
                for array, part in zip(arrays, model.features(turned(images, view)), strict=True):
                    kept = part.to(torch.float16).cpu().numpy()
                    if not np.isfinite(kept).all():
                        raise RsitmdError(
                            f"gives features of {float(part.abs().max()):g}",
                            where="the frozen backbone",
                            hint="name weights that fit it with --set weights=FILE",
                        )
                    array[first : first + len(kept), view] = kept
                step(len(images))
