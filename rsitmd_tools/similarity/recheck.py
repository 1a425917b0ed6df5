"""Compare the values of a prior with its JSON file and with the captions."""

from __future__ import annotations

import math

import numpy as np

from rsitmd_tools import __version__
from rsitmd_tools.dataset.records import Dataset, captions_by_image
from rsitmd_tools.similarity import reference
from rsitmd_tools.similarity.prior import Prior

ROWS = 8  # rows that are computed again; their choice does not change
BLOCK = 64  # rows that are summed at once
NEAR = 1e-6  # relative difference of values of different machines


def differing_values(prior: Prior, dataset: Dataset) -> str | None:
    """Compare all values with the mean, and some rows with those that are computed again.

    Rows are computed again for a ``reference`` prior of this version of the tool. They take
    seconds for 5000 images; those of a ``paper`` prior would take minutes.

    Args:
        prior: A dense prior that was opened with the dataset.
        dataset: The images and captions.

    Returns:
        What differs, or None.
    """
    nan_rows, mean = _summary(prior)
    stated = prior.metadata["nan_rows"], prior.metadata["mean"]
    if nan_rows != stated[0]:
        return f"has {nan_rows} rows without values; its JSON file has {stated[0]}"
    if not _equal(mean, stated[1], 1e-9 if prior.metadata["dtype"] == "float64" else NEAR):
        return f"has the mean {mean}; its JSON file has {stated[1]}"
    current = prior.metadata["tool"] == f"rsitmd-tools {__version__}"
    return _other_row(prior, dataset) if current and prior.definition == "reference" else None


def _summary(prior: Prior) -> tuple[int, float | None]:
    """Return the number of NaN rows, and the mean of the others."""
    images, captions = prior.shape
    values = np.asarray(prior.values)
    nan_rows, total = 0, 0.0
    for first in range(0, images, BLOCK):
        block = values[first : first + BLOCK]
        nan = np.isnan(block[:, 0])
        nan_rows += int(nan.sum())
        total += float((block[~nan] if nan.any() else block).sum(dtype=np.float64))
    finite = (images - nan_rows) * captions
    return nan_rows, total / finite if finite else None


def _equal(found: float | None, stated: float | None, tolerance: float) -> bool:
    if found is None or stated is None:
        return found is stated
    return math.isclose(found, stated, rel_tol=tolerance)


def _other_row(prior: Prior, dataset: Dataset) -> str | None:
    images, captions = prior.shape
    chosen = np.random.default_rng(0).choice(images, min(ROWS, images), replace=False)
    # NumPy needs no compiled kernel, which takes seconds in a new environment.
    fill = reference.prepare(captions_by_image(dataset.images)).numpy_filler()
    row = np.empty((1, captions))
    for image in sorted(chosen.tolist()):
        fill(image, row)
        if not np.allclose(prior.row(image), row[0], NEAR, NEAR, equal_nan=True):
            return f"has other values of {dataset.images[image].filename} than its captions give"
    return None
