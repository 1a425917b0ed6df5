"""A few example queries with the items found, for the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.trec import nearest

EXAMPLES = 6
FOUND = 5


def examples(scores: npt.NDArray[np.floating[Any]], gallery: Gallery) -> dict[str, Any]:
    """Return example queries spread evenly over the split.

    Equal sentences are found once, with the number of their images. An infinite score, as of a
    masked pair, is None: JSON has no number for it.
    """
    captions = gallery.part.captions()
    texts_of = gallery.texts_of()
    chosen = spread(gallery.images, EXAMPLES)
    images_of: dict[str, set[int]] = {}
    for caption, owner in zip(captions, gallery.owners.tolist(), strict=True):
        images_of.setdefault(caption, set()).add(owner)
    return {
        "text_to_image": [
            {
                "query": captions[text],
                "image": gallery.name(image),
                "found": [
                    {
                        "image": gallery.name(row),
                        "score": _number(scores[row, text]),
                        "relevant": row == image,
                    }
                    for row in nearest(scores[:, text], FOUND).tolist()
                ],
            }
            for image, text in ((image, int(texts_of[image][0])) for image in chosen)
        ],
        "image_to_text": [
            {
                "image": gallery.name(image),
                "found": [
                    {
                        "sentence": captions[column],
                        "score": _number(scores[image, column]),
                        "relevant": image in images_of[captions[column]],
                        "images": len(images_of[captions[column]]),
                    }
                    for column in _first_of_each_wording(scores[image], captions)
                ],
            }
            for image in chosen
        ],
    }


def _first_of_each_wording(
    row: npt.NDArray[np.floating[Any]], captions: Sequence[str]
) -> list[int]:
    """Return the texts with the highest scores, the best one of each wording."""
    chosen: dict[str, int] = {}
    for column in nearest(row, len(row)).tolist():
        chosen.setdefault(captions[column], column)
        if len(chosen) == FOUND:
            break
    return list(chosen.values())


def _number(score: np.floating[Any]) -> float | None:
    return float(score) if np.isfinite(score) else None


def spread(count: int, most: int) -> list[int]:
    """Return at most ``most`` numbers of ``range(count)``, evenly spread."""
    chosen: list[int] = np.linspace(0, count - 1, min(most, count)).round().astype(int).tolist()
    return chosen
