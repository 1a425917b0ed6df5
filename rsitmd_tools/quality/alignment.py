"""Detection of captions that are shifted against their images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt

from rsitmd_tools.dataset.records import ImageRecord, category_of
from rsitmd_tools.quality.texts import split_words

# Images in a stretch: enough for a mean, few enough to locate the shift.
WINDOW = 50
# Shifts by whole images that are tested, in both directions.
MAX_IMAGES = 2

# Lines: smallest z value and smallest mean gain in similarity of a shifted stretch. Real and
# drawn datasets reach a z of 1.2 without a shift, and 5 to 100 with one.
MIN_Z = 5.0
MIN_GAIN = 0.02
# Share of the pairs of positions that must agree on a shift. If annotators rotate and write by
# templates, at most a third of the pairs looks shifted.
MIN_PAIRS = 0.75

# Images: smallest share of captions that name the category, smallest lead over the caption of
# the image itself, and the number of categories that must agree.
MIN_SHARE = 0.4
MIN_LEAD = 0.05
MIN_CATEGORIES = 3


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift of captions against their images.

    Attributes:
        first: Index of the first image of the first shifted stretch.
        by: Number of lines, or of images, by which its captions are shifted.
    """

    first: int
    by: int


def line_shift(captions: Sequence[Sequence[str]]) -> Shift | None:
    """Find a stretch of images whose captions are shifted by some lines.

    If blocks of captions begin at position ``s`` instead of 0, a caption at a position ``a >= s``
    and the caption at a position ``b < s`` of the next image describe the same image. So they
    share more words than the captions at ``a`` and ``b`` of one image do. Both similarities
    compare the same two positions: the usual wording of an annotator, who always writes at the
    same position, changes both alike and cancels out.

    Args:
        captions: Captions of each image, the same number for each image.

    Returns:
        The first shift, or None.
    """
    if len(captions) < WINDOW or len(captions[0]) < 2:
        return None
    gains = _gains(captions)
    stretches = _stretches(len(gains))
    best: Shift | None = None
    for by in range(1, len(captions[0])):
        first = _first_shifted(gains, by, stretches)
        # Neighbouring shifts explain a part of the same gain: the clearest one counts.
        if first is not None and (best is None or _is_clearer(gains, by, first, best)):
            best = Shift(first, by)
    return best


def category_shift(
    images: Sequence[ImageRecord], synonyms: Mapping[str, frozenset[str]]
) -> Shift | None:
    """Find a stretch of images whose category is named by the captions of other images.

    Args:
        images: Images in order.
        synonyms: Other words for a category.

    Returns:
        The first shift, or None.
    """
    if len(images) < WINDOW + 2 * MAX_IMAGES:
        return None
    words = [frozenset(w for text in image.captions for w in split_words(text)) for image in images]
    names = [_names(image, synonyms) for image in images]
    shifts = list(range(-MAX_IMAGES, MAX_IMAGES + 1))
    hits = np.full((len(images), len(shifts)), np.nan)
    for column, shift in enumerate(shifts):
        for index in range(len(images)):
            other = index + shift
            if 0 <= other < len(images) and names[index]:
                hits[index, column] = not names[index].isdisjoint(words[other])
    own = shifts.index(0)
    for start, end in _stretches(len(images)):
        stretch = hits[start:end]
        if np.isnan(stretch).all(axis=0).any():
            continue
        share = np.nanmean(stretch, axis=0)
        best = int(np.argmax(share))
        if best == own or share[best] <= max(2 * share[own] + MIN_LEAD, MIN_SHARE):
            continue
        if _agreeing(names[start:end], stretch[:, best], stretch[:, own]) >= MIN_CATEGORIES:
            return Shift(start, shifts[best])
    return None


def _gains(captions: Sequence[Sequence[str]]) -> npt.NDArray[np.float64]:
    """Return by how much captions are more similar to those of the next image than to their own.

    Returns:
        ``(N - 1, C, C)``: the similarity of the captions at position ``a`` of image ``i`` and
        ``b`` of image ``i + 1``, minus that of ``a`` and ``b`` of image ``i``, for ``a > b``;
        else NaN.
    """
    words = [[frozenset(split_words(text)) for text in image] for image in captions]
    size = len(words[0])
    gains = np.full((len(words) - 1, size, size), np.nan)
    for index, (image, following) in enumerate(pairwise(words)):
        for a in range(1, size):
            for b in range(a):
                gains[index, a, b] = _overlap(image[a], following[b]) - _overlap(image[a], image[b])
    return gains


def _overlap(left: frozenset[str], right: frozenset[str]) -> float:
    common = len(left & right)
    union = len(left) + len(right) - common
    return common / union if union else 0.0


def _first_shifted(
    gains: npt.NDArray[np.float64], by: int, stretches: Sequence[tuple[int, int]]
) -> int | None:
    """Return the start of the first run of stretches that is shifted by ``by`` lines."""
    for agrees, run in groupby(stretches, lambda rows: _agrees(gains[slice(*rows)], by)):
        (begin, end), *rest = run
        if agrees and _z(gains[begin : rest[-1][1] if rest else end], by) >= MIN_Z:
            return begin
    return None


def _agrees(gains: npt.NDArray[np.float64], by: int) -> bool:
    """Return whether captions on both sides of position ``by`` belong to different images."""
    means = gains.mean(axis=0)
    across = means[by:, :by]
    # Captions on the same side belong to one image: there, the next image fits less.
    same = np.concatenate([means[by:, by:].ravel(), means[:by, :by].ravel()])
    same = same[~np.isnan(same)]
    return bool(
        across.mean() > MIN_GAIN
        and (across > 0).mean() >= MIN_PAIRS
        and (not same.size or same.mean() < 0)
    )


def _z(gains: npt.NDArray[np.float64], by: int) -> float:
    """Return the mean gain across position ``by`` in units of its standard error."""
    values = gains[:, by:, :by].mean(axis=(1, 2))
    error = values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() / error) if error else np.inf


def _is_clearer(gains: npt.NDArray[np.float64], by: int, first: int, than: Shift) -> bool:
    """Return whether a shift begins earlier, or at the same image with a larger gain."""
    if first != than.first:
        return first < than.first

    def gain(lines: int) -> float:
        return float(gains[first : first + WINDOW, lines:, :lines].mean())

    return gain(by) > gain(than.by)


def _stretches(count: int) -> list[tuple[int, int]]:
    """Cut ``count`` rows into stretches of WINDOW; the last one takes the rest."""
    starts = list(range(0, max(count - WINDOW, 0) + 1, WINDOW))
    return list(zip(starts, [*starts[1:], count], strict=True))


def _agreeing(
    names: Sequence[frozenset[str]],
    hits: npt.NDArray[np.float64],
    own: npt.NDArray[np.float64],
) -> int:
    """Count the categories that the shifted captions name more often than the own captions do.

    If the categories have a regular order, the captions of one category can name another one
    without a shift. A shift changes all categories.
    """
    leads: dict[frozenset[str], float] = defaultdict(float)
    for name, hit, kept in zip(names, hits, own, strict=True):
        if name and not np.isnan(hit):
            leads[name] += hit - kept
    return sum(lead > 0 for lead in leads.values())


def _names(image: ImageRecord, synonyms: Mapping[str, frozenset[str]]) -> frozenset[str]:
    category = image.category or category_of(image.filename)
    if not category:
        return frozenset()
    word = category.lower()
    return frozenset({word, *synonyms.get(word, ())})
