"""The sentences of a dataset as results of a search: equal ones are listed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rsitmd_tools.baselines.evaluation.trec import nearest
from rsitmd_tools.dataset import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError


def sentence_owners(dataset: Dataset) -> dict[str, list[ImageRecord]]:
    """Return the images of each sentence that is not blank, in the order of the dataset.

    Raises:
        RsitmdError: There are no sentences.
    """
    owners: dict[str, list[ImageRecord]] = {}
    for image in dataset:
        for caption in image.captions:
            if caption.strip():
                owners.setdefault(caption, []).append(image)
    if not owners:
        raise RsitmdError("has no sentences", where=dataset.source, hint="search images instead")
    return owners


def listed_sentences(
    owners: Mapping[str, Sequence[ImageRecord]], best: Mapping[str, float], count: int
) -> list[dict[str, Any]]:
    """Return the best sentences, the best first, each with an image and the number of its images.

    Args:
        owners: Result of :func:`sentence_owners`.
        best: The score of each sentence.
        count: Maximum number of sentences.
    """
    names, scores = list(best), np.array(list(best.values()), np.float32)
    return [
        {
            "rank": rank,
            "sentence": names[index],
            "score": float(scores[index]),
            "image": owners[names[index]][0].filename,
            "category": owners[names[index]][0].category,
            "images": len({image.filename for image in owners[names[index]]}),
        }
        for rank, index in enumerate(nearest(scores, count).tolist(), 1)
    ]
