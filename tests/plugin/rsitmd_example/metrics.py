"""The metric ``margin``: how far a text's own image is above the mean of all images."""

from __future__ import annotations

import numpy as np

from rsitmd_tools.baselines.evaluation.metrics import Figure, Metric, ScoredGallery


def margin(scored: ScoredGallery) -> float:
    """Return the mean over the texts."""
    own = scored.scores[scored.gallery.owners, np.arange(scored.gallery.texts)]
    return round(float(np.mean(own - scored.scores.mean(0))), 4)


METRIC = Metric(
    "margin",
    "margin",
    margin,
    key="margin",
    figures=(Figure("margin", ("margin",), unit="", digits=3),),
)
