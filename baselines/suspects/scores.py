"""How badly a sentence fits its own image, from the scores of images and sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.integer[Any]]


def suspicion(scores: Scores, owners: Indices, groups: Indices) -> tuple[Scores, Indices]:
    """Compare the score of each sentence and its own image with the best other one.

    A sentence that was written for another image fits its own image badly, and another one well.
    So for each sentence, the margin between the best other image and its own image is taken, in
    standard deviations over all images: some sentences have high scores with all images. The same
    margin is taken over the sentences of its image, and the mean of both counts.

    The sentences of one image are often wrong together, because two rows were exchanged. So the
    mean margin of the sentences of each image counts too. Both are compared with those of all
    sentences and of all images, in standard deviations, and the larger one is the result.

    Args:
        scores: ``(N, M)`` scores of N images and M sentences.
        owners: ``(M,)`` index of the image of each sentence.
        groups: ``(N,)`` group of each image. Images of one group, and their sentences, are not
            compared: a sentence also fits a copy of its image.

    Returns:
        ``(M,)`` scores, high for sentences that fit their image badly, 0 for an average one, and
        ``(M,)`` indices of the image that fits best among those of other groups.

    Raises:
        ValueError: All images are of one group.
    """
    if len(np.unique(groups)) < 2:
        raise ValueError("all images are of one group")
    values = np.asarray(scores, np.float64)
    texts = np.arange(len(owners))
    own = values[owners, texts]
    same = groups[:, None] == groups[owners][None, :]
    other = np.where(same, -np.inf, values)
    best_image = other.argmax(axis=0)
    by_text = (other[best_image, texts] - own) / _deviation(values, 0)
    by_image = (other.max(axis=1)[owners] - own) / _deviation(values, 1)[owners]
    margins = (by_text + by_image) / 2
    sums = np.bincount(owners, margins, len(values))
    means = sums / np.maximum(np.bincount(owners, minlength=len(values)), 1)
    return np.maximum(_standard(margins), _standard(means)[owners]), best_image


def _standard(values: Scores) -> Scores:
    """Subtract the mean and divide by the standard deviation."""
    found: Scores = (values - values.mean()) / _deviation(values, 0)
    return found


def _deviation(values: Scores, axis: int) -> Scores:
    """Return the standard deviation, or 1 where all values are equal."""
    found: Scores = values.std(axis=axis)
    return np.where(found > 0, found, 1.0)
