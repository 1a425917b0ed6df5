"""R@K and mean recall, with intervals, other rules of ties, and chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from rsitmd_tools.baselines.evaluation.hits import NAMES, OTHER_RULES, WAYS, by_name, chance
from rsitmd_tools.baselines.evaluation.intervals import bootstrap, interval_by_name
from rsitmd_tools.baselines.evaluation.metric import (
    Figure,
    Metric,
    RecallRows,
    Result,
    ScoredGallery,
)

DEFINITION = "hit rate: a query counts when one relevant item is among the first K"
SHORT = {"image_to_text": "i→t", "text_to_image": "t→i"}
FIGURES = tuple(Figure(f"{SHORT[way]} R@{name[1:]}", (way, name)) for way in WAYS for name in NAMES)


def recalls(scored: ScoredGallery) -> dict[str, Any]:
    """Return the recalls with their intervals, and those of chance."""
    hits, owners = scored.hits, scored.gallery.owners
    images = scored.gallery.images
    texts_of = np.bincount(owners, minlength=images)
    by_chance = np.concatenate(
        [chance(texts_of, len(owners)), chance(np.ones(len(owners), int), images)]
    )
    ranges = bootstrap(hits.to_text.expected, hits.to_image.expected, owners, scored.seed)
    return {
        **by_name(hits.recalls()),
        "interval": interval_by_name(ranges, scored.seed),
        "chance": by_name(by_chance),
        "metric": DEFINITION,
        "unit": "percent",
    }


def under_ties(scored: ScoredGallery, rule: str) -> dict[str, Any]:
    """Return the recalls under another rule of ties."""
    return by_name(scored.hits.recalls(rule))


def summary(result: Result) -> str:
    """Return the mean recall with its interval, chance, and the other rules of ties."""
    low, high = result["interval"]["mean_recall"]
    level = 100 * result["interval"]["level"]
    ties = ", ".join(f"{rule} {result['ties'][rule]['mean_recall']:.2f}" for rule in OTHER_RULES)
    return (
        f"{result['mean_recall']:.2f} ({level:.0f} % interval {low:.2f} to {high:.2f}), "
        f"chance {result['chance']['mean_recall']:.2f}; ties: {ties}"
    )


METRIC = Metric(
    "recall",
    "mean recall",
    recalls,
    under_ties=under_ties,
    # `compare` has columns of its own for the mean recall.
    figures=(Figure("mR", ("mean_recall",), compared=False), *FIGURES),
    recall_rows=(RecallRows("", ()), RecallRows("chance", ("chance",))),
    summary=summary,
    in_report="none",  # the report's main table shows it
    order=0,
)
