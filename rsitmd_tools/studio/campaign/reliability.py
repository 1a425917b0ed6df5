"""Inter-annotator agreement corrected for chance: Krippendorff's alpha with an interval.

alpha = 1 - Do / De (Krippendorff, "Content Analysis", 1980). Do is the mean distance between the
values that two annotators assigned to the same image, De the mean distance expected by chance.
1 is full agreement, 0 is agreement by chance, and below 0 is less than chance. Images with one
annotator are left out.

- Keywords: the value of an image is an annotator's set of keywords, and the distance between two
  sets is the number of keywords that only one of them contains. This alpha is the mean of the
  nominal alphas of the keywords (each image is a unit; each annotator uses the keyword or does
  not), weighted by their De. So a keyword that everybody always uses does not count as agreement.
- Sentences: the distance is 1 - S, where S(a, b) is the similarity by the prior's ``reference``
  definition with b as the only reference, in both directions. Do: pairs of sentences of different
  annotators of one image, each sentence with the same weight. De: pairs of sentences of different
  images; with more than GROUP images, only pairs within groups of GROUP images, drawn by the seed.
- The interval: the 2.5th and 97.5th percentiles over DRAWS bootstrap samples of the images, drawn
  by the seed.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsitmd_tools.similarity import reference
from rsitmd_tools.text.fold import folded
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.agreement import keywords_by_annotator
from rsitmd_tools.workspace.merge import is_keyword, merged_images

DRAWS = 1000
GROUP = 100  # number of images whose sentences are compared with each other
LEAST_IMAGES = 5  # fewer images have no interval
KEYWORDS = "Krippendorff's alpha, nominal: an annotator uses a keyword or does not"
KEYWORDS_MEANING = (
    "0: two annotators of an image use the same keywords as often as expected by chance;"
    " 1: they always use the same keywords."
)
SENTENCES = "Krippendorff's alpha with the distance 1 - S; S is the prior similarity"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reliability:
    """Agreement between annotators.

    Attributes:
        measure: Name of the measure.
        meaning: The meaning of its values, one sentence.
        value: At most 1; None if fewer than two images have two annotators, or all values are
            equal.
        interval: Bounds of the 95 % interval; None with fewer than LEAST_IMAGES images.
        images: Number of images with at least two annotators.
    """

    measure: str
    meaning: str
    value: float | None
    interval: tuple[float, float] | None
    images: int


def reliability(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Return the agreement on ``keywords`` and on ``sentences``, as of the last pull."""
    seed = workspace.settings.annotation.seed
    sentences = [
        [(s.annotator, s.raw) for s in image.sentences if s.annotator is not None and s.raw.strip()]
        for image in merged_images(workspace)
    ]
    return {
        "keywords": asdict(keyword_reliability(_keyword_sets(workspace), seed)),
        "sentences": asdict(sentence_reliability(sentences, seed)),
    }


def keyword_reliability(images: Iterable[Sequence[Set[str]]], seed: int = 0) -> Reliability:
    """Return alpha of sets of keywords.

    Args:
        images: For each image one set per annotator; empty for an annotator without keywords.
        seed: Seed of the interval.
    """
    from scipy.sparse import csr_array

    judged = [people for people in images if len(people) > 1]
    people = np.array([len(sets) for sets in judged], dtype=float)
    counts = [Counter(word for words in sets for word in words) for sets in judged]
    columns = {word: n for n, word in enumerate(sorted({w for count in counts for w in count}))}
    places = [
        (row, columns[word], number)
        for row, count in enumerate(counts)
        for word, number in count.items()
    ]
    if not places:
        return Reliability(KEYWORDS, KEYWORDS_MEANING, None, None, len(judged))
    rows, words, numbers = (np.array(part) for part in zip(*places, strict=True))
    shape = (len(judged), len(columns))
    named = csr_array((numbers.astype(float), (rows, words)), shape=shape)
    # Ordered pairs of annotators of an image of whom only one uses a keyword.
    pairs = np.bincount(rows, 2 * numbers * (people[rows] - numbers), len(judged))

    def alphas(draws: Floats) -> Floats:
        """Return alpha of each sample; De ignores pairs of an image that was drawn twice."""
        size = draws @ people
        once = draws @ named
        chance = 2 * (once * (size[:, None] - once)).sum(axis=1) - draws**2 @ pairs
        chance /= size**2 - draws**2 @ people**2
        return _alpha(draws @ (pairs / (people - 1)) / size, chance)

    return Reliability(
        measure=KEYWORDS,
        meaning=KEYWORDS_MEANING,
        value=_nominal(people, named.tocsc()),
        interval=_interval(len(judged), alphas, seed),
        images=len(judged),
    )


def _nominal(people: Floats, named: Any) -> float | None:
    """Return the mean of the nominal alphas of keywords, weighted by their De.

    Args:
        people: Number of annotators of each image.
        named: How many of them use each keyword, a sparse array of images by keywords.
    """
    import krippendorff

    alphas: dict[tuple[bytes, ...], float] = {}
    total, summed, weights = people.sum(), 0.0, 0.0
    for column in range(named.shape[1]):
        part = slice(named.indptr[column], named.indptr[column + 1])
        counts, where = named.data[part], named.indices[part]
        weight = float(counts.sum() * (total - counts.sum()))
        if weight == 0:  # every annotator always uses it
            continue
        # Most keywords are rare, and alpha does not depend on the order of images: cache it.
        order = np.lexsort((counts, people[where]))
        key = (counts[order].tobytes(), people[where][order].tobytes())
        if key not in alphas:
            ones = np.zeros(len(people))
            ones[where] = counts
            alphas[key] = float(
                krippendorff.alpha(
                    value_counts=np.column_stack((ones, people - ones)),
                    level_of_measurement="nominal",
                )
            )
        summed += weight * alphas[key]
        weights += weight
    return round(summed / weights, 3) if weights else None


def sentence_reliability(images: Iterable[Sequence[tuple[str, str]]], seed: int = 0) -> Reliability:
    """Return alpha of sentences.

    Args:
        images: For each image ``(annotator, sentence)``.
        seed: Seed of the groups of images and of the interval.
    """
    judged = [pairs for pairs in images if len({annotator for annotator, _ in pairs}) > 1]
    random.Random(seed).shuffle(judged)
    groups = [_distances(judged[first : first + GROUP]) for first in range(0, len(judged), GROUP)]
    weight = np.concatenate([group.weight for group in groups]) if groups else np.zeros(0)
    within = np.concatenate([group.within for group in groups]) if groups else np.zeros(0)

    def alphas(draws: Floats) -> Floats:
        distance, pairs = np.zeros(len(draws)), np.zeros(len(draws))
        for number, group in enumerate(groups):
            part = draws[:, number * GROUP : (number + 1) * GROUP]
            distance += (part @ group.distance * part).sum(axis=1)
            pairs += (part @ group.pairs * part).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return _alpha((draws @ (weight * within)) / (draws @ weight), distance / pairs)

    compared = int((weight > 0).sum())
    value = float(alphas(np.ones((1, len(judged))))[0]) if groups else math.nan
    return Reliability(
        measure=SENTENCES,
        meaning="0: two annotators' sentences about one image are no more similar than sentences"
        " about two different images; 1: they are equal.",
        value=None if math.isnan(value) else round(value, 3),
        interval=_interval(len(judged), alphas, seed),
        images=compared,
    )


@dataclass(frozen=True, slots=True)
class _Group:
    """Distances between the sentences of a group of images.

    Attributes:
        weight: ``(N,)``, number of each image's sentences that are compared with those of
            another annotator.
        within: ``(N,)``, mean distance within each image.
        distance: ``(N, N)``, sum over the pairs of sentences of two images; 0 on the diagonal.
        pairs: ``(N, N)``, number of those pairs.
    """

    weight: Floats
    within: Floats
    distance: Floats
    pairs: Floats


def _distances(images: Sequence[Sequence[tuple[str, str]]]) -> _Group:
    """Return the distances between the sentences of a group of images."""
    who = np.array([annotator for pairs in images for annotator, _ in pairs])
    place = np.array([number for number, pairs in enumerate(images) for _ in pairs])
    prepared = reference.prepare([[raw] for pairs in images for _, raw in pairs])
    similarity = np.empty((len(who), len(who)))
    prepared.filler()(0, similarity)
    # A reference without content words has no similarity.
    valid = ~np.isnan(similarity)
    distance = np.where(valid, 1 - np.nan_to_num(similarity), 0.0)
    in_image = (place[:, None] == np.arange(len(images))).astype(float)
    same_image = place[:, None] == place
    other = same_image & (who[:, None] != who) & valid
    pairs_within = in_image.T @ other.sum(axis=1)
    sums_within = in_image.T @ (distance * other).sum(axis=1)
    apart = valid & ~same_image
    return _Group(
        weight=in_image.T @ (other.any(axis=1) | other.any(axis=0)),
        within=np.divide(
            sums_within, pairs_within, out=np.zeros(len(images)), where=pairs_within > 0
        ),
        distance=in_image.T @ (distance * apart) @ in_image,
        pairs=in_image.T @ apart.astype(float) @ in_image,
    )


def _alpha(observed: Floats, chance: Floats) -> Floats:
    """Return 1 - Do / De; NaN if De is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(chance > 0, 1 - observed / chance, np.nan)
    return found


def _interval(images: int, alphas: Any, seed: int) -> tuple[float, float] | None:
    """Return the bounds of the 95 % bootstrap interval of alpha."""
    if images < LEAST_IMAGES:
        return None
    chance = np.random.default_rng(seed)
    found = np.concatenate(
        [
            alphas(chance.multinomial(images, np.full(images, 1 / images), size=100).astype(float))
            for _ in range(DRAWS // 100)
        ]
    )
    found = found[~np.isnan(found)]
    if not len(found):
        return None
    low, high = np.percentile(found, [2.5, 97.5])
    return round(float(low), 3), round(float(high), 3)


def _keyword_sets(workspace: Workspace) -> list[list[set[str]]]:
    """Return the set of keywords of each annotator of each image."""
    return [
        [{folded(word) for word in words if is_keyword(word)} for words in annotators]
        for annotators in keywords_by_annotator(workspace)
    ]
