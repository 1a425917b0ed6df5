"""The recalls of the queries of each category, searched in the whole gallery."""

from __future__ import annotations

from typing import Any

import numpy as np

from rsitmd_tools.baselines.evaluation.hits import by_name
from rsitmd_tools.baselines.evaluation.metric import Metric, ScoredGallery


def categories(scored: ScoredGallery) -> dict[str, Any]:
    """Return the recalls by category; images without a category are left out."""
    hits, gallery = scored.hits, scored.gallery
    of_image = np.array([image.category or "" for image in gallery.part])
    of_text = of_image[gallery.owners]
    table = {}
    for name in sorted(set(of_image.tolist()) - {""}):
        images, texts = of_image == name, of_text == name
        recalls = 100 * np.concatenate(
            [hits.to_text.expected[images].mean(0), hits.to_image.expected[texts].mean(0)]
        )
        counts = {"images": int(images.sum()), "texts": int(texts.sum())}
        table[name] = {**counts, **by_name(recalls)}
    return table


METRIC = Metric(
    "category-recall",
    "recall by category",
    categories,
    key="categories",
    in_report="none",  # the report has a table of its own
    order=50,
)
