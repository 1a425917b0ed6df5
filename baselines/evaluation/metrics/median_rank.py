"""The median rank of the first relevant item."""

from __future__ import annotations

from rsitmd_tools.baselines.evaluation.hits import WAYS, rounded
from rsitmd_tools.baselines.evaluation.metric import Metric, ScoredGallery, both_directions


def median_ranks(scored: ScoredGallery, rule: str = "expected") -> dict[str, float]:
    """Return the median ranks of both directions under a rule of ties."""
    values = (hits.median_rank(rule) for hits in (scored.hits.to_text, scored.hits.to_image))
    return dict(zip(WAYS, map(rounded, values), strict=True))


METRIC = Metric(
    "median-rank",
    "median rank",
    median_ranks,
    key="median_rank",
    under_ties=median_ranks,
    figures=both_directions("median rank", "median_rank", "rank", "lower", digits=1),
    order=10,
)
