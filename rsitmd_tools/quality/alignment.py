"""Signs that captions do not stand with their images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rsitmd_tools.dataset.records import ImageRecord, category_of
from rsitmd_tools.quality.texts import jaccard, split_words

WINDOW = 50
MARGIN = 0.05
FARTHEST = 2


def block_shift(captions: Sequence[Sequence[str]]) -> tuple[int, int] | None:
    """Find where blocks of lines fit better when they begin some lines later.

    Each pair of neighbouring lines gets its likeness. Where blocks are right, the weakest
    link lies between two images; the place of the weakest link is taken over stretches of
    :data:`WINDOW` images.

    Args:
        captions: Captions of each image, the same number each.

    Returns:
        The first image of the first shifted stretch and by how many lines its captions are
        shifted, or None.
    """
    if len(captions) < WINDOW:
        return None
    size = len(captions[0])
    lines = [split_words(text) for image in captions for text in image]
    links = np.array([jaccard(a, b) for a, b in pairwise(lines)] + [np.nan]).reshape(
        len(captions), size
    )
    # A lost line shifts all that follows: blocks that merely repeat each other, as in
    # UCM-captions, look shifted here and there.
    found = [(start, *_weakest(stretch)) for start, stretch in _stretches(links)]
    for n, (start, weakest, gap) in enumerate(found):
        if weakest != size - 1 and gap > MARGIN:
            rest = [place for _, place, _ in found[n:]]
            if rest.count(weakest) >= 0.75 * len(rest) and weakest == rest[-1]:
                return start, weakest + 1
    return None


def _weakest(stretch: npt.NDArray[np.float64]) -> tuple[int, float]:
    """Return where the weakest link is, and by how much it is weaker than at the block's end."""
    weakness = np.nanmean(stretch, axis=0)
    weakest = int(np.argmin(weakness))
    return weakest, float(weakness[-1] - weakness[weakest])


def category_shift(
    images: Sequence[ImageRecord], synonyms: Mapping[str, frozenset[str]]
) -> tuple[int, int] | None:
    """Find where captions name the category of another image than their own.

    Args:
        images: Images in order.
        synonyms: Other words for a category.

    Returns:
        The first image of the first shifted stretch and by how many images its captions
        are shifted, or None.
    """
    if len(images) < WINDOW + 2 * FARTHEST:
        return None
    words = [frozenset(w for text in image.captions for w in split_words(text)) for image in images]
    names = [_names(image, synonyms) for image in images]
    shifts = list(range(-FARTHEST, FARTHEST + 1))
    hits = np.full((len(images), len(shifts)), np.nan)
    for column, shift in enumerate(shifts):
        for index in range(len(images)):
            other = index + shift
            if 0 <= other < len(images) and names[index]:
                hits[index, column] = not names[index].isdisjoint(words[other])
    own = shifts.index(0)
    for start, stretch in _stretches(hits):
        if np.isnan(stretch).all(axis=0).any():
            continue
        share = np.nanmean(stretch, axis=0)
        best = int(np.argmax(share))
        if best != own and share[best] > 2 * share[own] + MARGIN and share[best] > 0.4:
            return start, shifts[best]
    return None


def _stretches(
    values: npt.NDArray[np.float64],
) -> list[tuple[int, npt.NDArray[np.float64]]]:
    """Cut rows into stretches of WINDOW; the rest goes to the last one."""
    starts = list(range(0, max(len(values) - WINDOW, 0) + 1, WINDOW))
    ends = [*starts[1:], len(values)]
    return [(start, values[start:end]) for start, end in zip(starts, ends, strict=True)]


def _names(image: ImageRecord, synonyms: Mapping[str, frozenset[str]]) -> frozenset[str]:
    category = image.category or category_of(image.filename)
    if not category:
        return frozenset()
    word = category.lower()
    return frozenset({word, *synonyms.get(word, ())})
