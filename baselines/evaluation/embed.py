"""The features that a run's model gives to images."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from rsitmd_tools.baselines.data.images import decode_images
from rsitmd_tools.baselines.device import accelerator
from rsitmd_tools.baselines.evaluation.scoring import encode_images
from rsitmd_tools.baselines.integrity import check_run
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.dataset import Dataset


def image_features(folder: Path, dataset: Dataset) -> npt.NDArray[np.float32]:
    """Encode the images of a dataset.

    Args:
        folder: RUN.
        dataset: The images; sentences are not needed.

    Returns:
        ``(N, d)`` float32, in the order of the images.

    Raises:
        RsitmdError: The run or an image cannot be used.
    """
    run = Run(folder)
    model, _, config = run.load()
    check_run(run, config)
    if not len(dataset):
        return np.empty((0, 1), np.float32)
    model.to(torch.device(accelerator("auto")))
    with tempfile.TemporaryDirectory() as scratch:
        pixels = decode_images(dataset, config.image_size, Path(scratch) / "images.npy")
        encoded = encode_images(model, pixels).flatten(1).float().cpu().numpy()
    return np.asarray(encoded, np.float32)
