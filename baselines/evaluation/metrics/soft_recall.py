"""Soft-positive recall: an item counts by its prior similarity with the query.

Strict recall treats every image but one as wrong, though another one may fit the sentence as
well. Here the gain of an item is 1 if it belongs to the query, else the prior similarity S
of the pair (equation 30's S; NaN counts as 0), and a query counts by the largest gain among
the first K. The strict hit rate is the case S = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.evaluation.hits import KS, Floats, by_name
from rsitmd_tools.baselines.evaluation.intervals import bootstrap, interval_by_name
from rsitmd_tools.baselines.evaluation.metric import (
    Figure,
    Metric,
    RecallRows,
    Result,
    ScoredGallery,
    Scores,
)
from rsitmd_tools.similarity import Prior

DEFINITION = (
    "largest gain among the first K: 1 for a relevant item, else the prior similarity of the pair"
)


def soft_recalls(scored: ScoredGallery) -> dict[str, Any]:
    """Return soft-positive recalls with their interval and chance."""
    prior, owners = scored.prior, scored.gallery.owners
    of_image, of_text = gains_from(prior.prior, prior.rows, prior.columns, owners)
    to_text, chance_to_text = soft_hits(scored.scores, of_image)
    to_image, chance_to_image = soft_hits(scored.scores.T, of_text)
    recalls, chance = (
        100 * np.concatenate([one.mean(0), other.mean(0)])
        for one, other in ((to_text, to_image), (chance_to_text, chance_to_image))
    )
    ranges = bootstrap(to_text, to_image, owners, scored.seed)
    return {
        "metric": DEFINITION,
        "prior": dict(prior.metadata),
        **by_name(recalls),
        "interval": interval_by_name(ranges, scored.seed),
        "chance": by_name(chance),
    }


def summary(result: Result) -> str:
    """Return the mean of the soft recalls, and that of chance."""
    soft = result["soft_positive"]
    return f"{soft['mean_recall']:.2f} (chance {soft['chance']['mean_recall']:.2f})"


def soft_hits(scores: Scores, gains: Callable[[int], Floats]) -> tuple[Floats, Floats]:
    """Return the expected largest gain among the first K of every query, and that of chance.

    Args:
        scores: ``(Q, G)``, higher is more similar; equal scores are in random order.
        gains: Maps a query to the ``(G,)`` gains of the items, in [0, 1].

    Returns:
        Two arrays ``(Q, 3)``: of these scores, and of a random order of the gallery.
    """
    found = np.empty((len(scores), len(KS)))
    by_chance = np.empty((len(scores), len(KS)))
    for query, row in enumerate(scores):
        of_items = gains(query)
        found[query] = _of_query(row, of_items)
        descending = np.sort(of_items)[::-1]
        by_chance[query] = [_largest_of(descending, min(k, len(row)), 0.0) for k in KS]
    return found, by_chance


def gains_from(
    prior: Prior,
    rows: npt.NDArray[np.integer[Any]],
    columns: npt.NDArray[np.integer[Any]],
    owners: npt.NDArray[np.integer[Any]],
) -> tuple[Callable[[int], Floats], Callable[[int], Floats]]:
    """Return the gains of texts for an image, and of images for a text.

    Args:
        prior: A prior whose images and captions include those of the gallery.
        rows: The row in the prior of each image of the gallery.
        columns: The column in the prior of each text of the gallery.
        owners: The image of each text of the gallery.
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
    """Return the expected largest of ``surely`` and ``places`` gains drawn without replacement.

    The i-th largest of e gains (from 0) is the largest drawn with probability
    C(e - 1 - i, places - 1) / C(e, places); each is the one before times
    (e - i - places + 1) / (e - i).
    """
    equal = len(descending)
    steps = np.arange(1, equal - places + 1)
    ratios = (equal - steps - places + 1) / (equal - steps)
    weights = (places / equal) * np.concatenate([[1.0], np.cumprod(ratios)])
    return float(weights @ np.maximum(descending[: equal - places + 1], surely))


METRIC = Metric(
    "soft-recall",
    "soft-positive mR",
    soft_recalls,
    key="soft_positive",
    figures=(Figure("soft mR", ("soft_positive", "mean_recall"), compared=False),),
    recall_rows=(
        RecallRows("soft", ("soft_positive",)),
        RecallRows("soft chance", ("soft_positive", "chance")),
    ),
    summary=summary,
    order=30,
)
