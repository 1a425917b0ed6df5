"""The recalls of a model that knows the category of every item, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np

from rsitmd_tools.baselines.evaluation.hits import KS, by_name, hit_probability
from rsitmd_tools.baselines.evaluation.metric import Figure, Metric, Result, ScoredGallery


def category_chance(scored: ScoredGallery) -> dict[str, Any] | None:
    """Return the expected recalls of a ranking by category, with random order in a category.

    A model with higher recalls distinguishes images of the same category. The result is None if
    an image has no category.
    """
    gallery = scored.gallery
    of_image = [image.category for image in gallery.part]
    if None in of_image:
        return None
    _, number = np.unique(np.array(of_image, str), return_inverse=True)
    texts = np.bincount(gallery.owners, minlength=len(of_image))
    images_of, texts_of = np.bincount(number)[number], np.bincount(number, texts)[number]
    to_text = [
        [hit_probability(k, int(pool), int(own)) for k in KS]
        for pool, own in zip(texts_of, texts, strict=True)
    ]
    to_image = [[hit_probability(k, int(pool), 1) for k in KS] for pool in images_of]
    ways = [np.mean(to_text, 0), np.average(to_image, axis=0, weights=texts)]
    return by_name(100 * np.concatenate(ways))


def summary(result: Result) -> str | None:
    """Return the mean recall, if the categories are known."""
    found = result.get("category_chance")
    return None if found is None else f"{found['mean_recall']:.2f}"


METRIC = Metric(
    "category-chance",
    "mR if only the category were matched",
    category_chance,
    key="category_chance",
    figures=(
        Figure(
            "mR if only the category were matched",
            ("category_chance", "mean_recall"),
            compared=False,
        ),
    ),
    summary=summary,
    order=20,
)
