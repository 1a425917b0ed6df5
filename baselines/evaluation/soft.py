"""Soft-positive recall: what is found counts by its prior similarity with the query.

Strict recall holds every image but one for wrong, though another may fit the sentence as
well. Here the gain of an item is 1 where it belongs to the query, else the prior
similarity S of the pair (equation 30's S; NaN counts as 0), and a query counts by the
largest gain among the first K: the strict hit rate is the case S = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.evaluation.recall import KS, Floats
from rsitmd_tools.similarity import Prior

Scores = npt.NDArray[np.floating[Any]]


def soft_hits(scores: Scores, gains: Callable[[int], Floats]) -> tuple[Floats, Floats]:
    """Expected largest gain among the first K of every query, and by chance.

    Args:
        scores: ``(Q, G)``, higher is nearer; equals stand in random order.
        gains: Maps a query to the ``(G,)`` gains of the items, in [0, 1].

    Returns:
        Two arrays ``(Q, 3)``: of these scores, and of a random order of the gallery.
    """
    found = np.empty((len(scores), len(KS)))
    blind = np.empty((len(scores), len(KS)))
    for query, row in enumerate(scores):
        of_items = gains(query)
        found[query] = _of_query(row, of_items)
        descending = np.sort(of_items)[::-1]
        blind[query] = [_largest_of(descending, min(k, len(row)), 0.0) for k in KS]
    return found, blind


def gains_from(
    prior: Prior,
    rows: npt.NDArray[np.integer[Any]],
    columns: npt.NDArray[np.integer[Any]],
    owners: npt.NDArray[np.integer[Any]],
) -> tuple[Callable[[int], Floats], Callable[[int], Floats]]:
    """Return the gains of texts for an image, and of images for a text.

    Args:
        prior: Of images and captions that hold those of the gallery.
        rows: Of each image of the gallery its row in the prior.
        columns: Of each text of the gallery its column.
        owners: Of each text of the gallery its image there.
    """

    def of_image(image: int) -> Floats:
        gains = np.nan_to_num(np.asarray(prior.at(rows[[image]], columns)[0], np.float64), nan=0.0)
        gains[owners == image] = 1.0
        return gains

    def of_text(text: int) -> Floats:
        gains = np.asarray(prior.at(rows, columns[[text]])[:, 0], np.float64)
        gains = np.nan_to_num(gains, nan=0.0)
        gains[owners[text]] = 1.0
        return gains

    return of_image, of_text


def _of_query(row: npt.NDArray[np.floating[Any]], gains: Floats) -> list[float]:
    values = []
    highest = min(max(KS), len(row))
    top = np.sort(np.partition(row, len(row) - highest)[len(row) - highest :])[::-1]
    for k in KS:
        last = top[min(k, len(row)) - 1]
        above, equal = row > last, row == last
        places = min(k, len(row)) - int(np.count_nonzero(above))
        surely = float(gains[above].max(initial=0.0))
        values.append(_largest_of(np.sort(gains[equal])[::-1], places, surely))
    return values


def _largest_of(descending: Floats, places: int, surely: float) -> float:
    """Expected largest of ``surely`` and ``places`` gains drawn without replacement.

    The i-th largest of e gains (from 0) is the largest drawn with probability
    C(e - 1 - i, places - 1) / C(e, places); each is the one before times
    (e - i - places + 1) / (e - i).
    """
    equal = len(descending)
    steps = np.arange(1, equal - places + 1)
    ratios = (equal - steps - places + 1) / (equal - steps)
    weights = (places / equal) * np.concatenate([[1.0], np.cumprod(ratios)])
    return float(weights @ np.maximum(descending[: equal - places + 1], surely))
