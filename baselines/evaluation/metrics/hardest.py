"""The queries whose first relevant item has the highest rank."""

from __future__ import annotations

from typing import Any

import numpy as np

from rsitmd_tools.baselines.evaluation.metric import Metric, ScoredGallery
from rsitmd_tools.baselines.evaluation.trec import nearest

COUNT = 10


def hardest(scored: ScoredGallery) -> dict[str, Any]:
    """Return the hardest queries of both directions, each with the item that came first."""
    scores, gallery, hits = scored.scores, scored.gallery, scored.hits
    captions = gallery.part.captions()
    images, texts = (
        np.argsort(-each.ranks[:, 0], kind="stable")[:COUNT]
        for each in (hits.to_text, hits.to_image)
    )
    return {
        "image_to_text": [
            {
                "image": gallery.name(image),
                "rank": round(float(hits.to_text.ranks[image, 0]), 2),
                "first": captions[int(nearest(scores[image], 1)[0])],
            }
            for image in images.tolist()
        ],
        "text_to_image": [
            {
                "query": captions[text],
                "image": gallery.name(int(gallery.owners[text])),
                "rank": round(float(hits.to_image.ranks[text, 0]), 2),
                "first": gallery.name(int(nearest(scores[:, text], 1)[0])),
            }
            for text in texts.tolist()
        ],
    }


METRIC = Metric(
    "hardest",
    "hardest queries",
    hardest,
    key="hardest",
    in_report="none",  # the report has a section of its own
    order=60,
)
