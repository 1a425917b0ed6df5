"""For each query its own item and the best other one: what margins and errors are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.evaluation.gallery import Gallery, Indices
from rsitmd_tools.baselines.evaluation.hits import Floats
from rsitmd_tools.baselines.evaluation.priors import GalleryPrior

# Scores of a block of queries in memory.
BLOCK_ELEMENTS = 16_000_000


@dataclass(frozen=True, slots=True)
class NearestWrong:
    """One row for each query of one direction.

    Attributes:
        own: ``(Q,)``, the query's own item; if it has several, the one with the highest score.
        other: ``(Q,)``, the item with the highest score that belongs to another query.
        margins: ``(Q,)``, score of ``own`` minus score of ``other``; NaN if one is infinite.
        similarities: ``(Q,)``, prior similarity of the query and ``other``, 0 to 1; 0 if the
            prior has no value.
    """

    own: Indices
    other: Indices
    margins: Floats
    similarities: Floats

    @property
    def wrong(self) -> npt.NDArray[np.bool_]:
        """Whether an item of another query comes first under every rule of ties, ``(Q,)``."""
        return self.margins < 0

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether the own item comes first under every rule of ties, ``(Q,)``."""
        return self.margins > 0


def of_texts(
    scores: npt.NDArray[np.floating[Any]], gallery: Gallery, prior: GalleryPrior
) -> NearestWrong:
    """Return the nearest wrong image of each text.

    Args:
        scores: ``(N, M)``.
        gallery: Images and texts.
        prior: The prior of the gallery.
    """
    other, margins, similarities = [], [], []
    for columns in _blocks(gallery.texts, gallery.images):
        block = scores[:, columns].astype(np.float64)
        place, owners = np.arange(len(columns)), gallery.owners[columns]
        own = block[owners, place]
        block[owners, place] = -np.inf
        best = block.argmax(0)
        other.append(best)
        margins.append(_difference(own, block[best, place]))
        similarities.append(_pairs(prior, best, columns))
    return NearestWrong(gallery.owners, *map(np.concatenate, (other, margins, similarities)))


def of_images(
    scores: npt.NDArray[np.floating[Any]], gallery: Gallery, prior: GalleryPrior
) -> NearestWrong:
    """Return the nearest wrong text of each image; arguments as for :func:`of_texts`."""
    own, other, margins, similarities = [], [], [], []
    for rows in _blocks(gallery.images, gallery.texts):
        block = scores[rows].astype(np.float64)
        mine = gallery.owners[None, :] == rows[:, None]
        place = np.arange(len(rows))
        first = np.where(mine, block, -np.inf).argmax(1)
        # If the score of an own text is -inf, the score alone does not exclude it.
        first = np.where(mine[place, first], first, mine.argmax(1))
        score = block[place, first]
        block[mine] = -np.inf
        best = block.argmax(1)
        own.append(first)
        other.append(best)
        margins.append(_difference(score, block[place, best]))
        similarities.append(_pairs(prior, rows, best))
    return NearestWrong(*map(np.concatenate, (own, other, margins, similarities)))


def _blocks(queries: int, items: int) -> list[Indices]:
    size = max(1, BLOCK_ELEMENTS // max(1, items))
    return [np.arange(first, min(queries, first + size)) for first in range(0, queries, size)]


def _difference(one: Floats, other: Floats) -> Floats:
    finite = np.isfinite(one) & np.isfinite(other)
    found: Floats = np.full(len(one), np.nan)
    found[finite] = one[finite] - other[finite]
    return found


def _pairs(prior: GalleryPrior, images: Indices, texts: Indices) -> Floats:
    """Return the prior similarity of pairs, ``(P,)``; 0 where it has no value."""
    found: Floats = np.zeros(len(images))
    rows, columns = prior.rows[images], prior.columns[texts]
    # A block of the prior for each image: few are the nearest of many texts.
    order = np.argsort(rows, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(rows[order])) + 1):
        found[group] = prior.prior.at(rows[group[:1]], columns[group])[0]
    return np.nan_to_num(found, nan=0.0)
