"""For each query its own item and the best other one: what margins and errors are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.evaluation.blocks import Scores, map_queries
from rsitmd_tools.baselines.evaluation.gallery import Gallery, Indices
from rsitmd_tools.baselines.evaluation.hits import Floats
from rsitmd_tools.baselines.evaluation.priors import GalleryPrior

# The arrays own, other and margins of :class:`NearestWrong` for a block of queries.
Best = tuple[Indices, Indices, Floats]


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


def of_texts(scores: Scores, gallery: Gallery, prior: GalleryPrior) -> NearestWrong:
    """Return the nearest wrong image of each text.

    Args:
        scores: ``(N, M)``.
        gallery: Images and texts.
        prior: The prior of the gallery.
    """

    def of_block(texts: Indices, block: Scores) -> Best:
        place, owners = np.arange(len(texts)), gallery.owners[texts]
        mine = block[place, owners]
        block = block.copy()
        block[place, owners] = -np.inf
        other = block.argmax(1)
        return owners, other, _difference(mine, block[place, other])

    own, other, margins = _joined(map_queries(scores.T, of_block))
    return NearestWrong(own, other, margins, _pairs(prior, other, np.arange(gallery.texts)))


def of_images(scores: Scores, gallery: Gallery, prior: GalleryPrior) -> NearestWrong:
    """Return the nearest wrong text of each image; arguments as for :func:`of_texts`."""

    def of_block(images: Indices, block: Scores) -> Best:
        mine = gallery.owners[None, :] == images[:, None]
        place = np.arange(len(images))
        own = np.where(mine, block, -np.inf).argmax(1)
        # If the score of an own text is -inf, the score alone does not exclude it.
        own = np.where(mine[place, own], own, mine.argmax(1))
        others = np.where(mine, -np.inf, block)
        other = others.argmax(1)
        return own, other, _difference(block[place, own], others[place, other])

    own, other, margins = _joined(map_queries(scores, of_block))
    return NearestWrong(own, other, margins, _pairs(prior, np.arange(gallery.images), other))


def _joined(parts: Iterable[Best]) -> Best:
    own, other, margins = map(np.concatenate, zip(*parts, strict=True))
    return own, other, margins


def _difference(one: Scores, other: Scores) -> Floats:
    finite = np.isfinite(one) & np.isfinite(other)
    found: Floats = np.full(len(one), np.nan)
    found[finite] = one[finite].astype(np.float64) - other[finite].astype(np.float64)
    return found


def _pairs(prior: GalleryPrior, images: Indices, texts: Indices) -> Floats:
    """Return the prior similarity of pairs, ``(P,)``; 0 where it has no value."""
    found = prior.prior.pairs(prior.rows[images], prior.columns[texts])
    return np.nan_to_num(found.astype(np.float64), nan=0.0)
