"""How far people agree, corrected for chance: Krippendorff's alpha with an interval.

alpha = 1 - Do / De (Krippendorff, "Content Analysis", 1980): Do is the mean distance of what two
people gave for the same image, De the one that chance gives. 1: they always give the same; 0: they
agree as by chance; below 0: less than that. Images that one person annotated alone are left out.

- Keywords: the value of an image is the set of keywords that a person names; the distance of two
  sets is the number of keywords that only one of them has. This is the mean of the nominal alphas
  of the keywords (each image a unit, each person names the keyword or does not), weighted by their
  De. So a keyword that everybody uses everywhere does not count as agreement.
- Sentences: the distance is 1 - S, S(a, b) the similarity of the prior's ``reference`` definition
  with b as the only reference, in both directions. Do: pairs by different people of one image, each
  sentence with the same weight. De: pairs of different images; above GROUP images the pairs within
  groups of so many, drawn by the seed.
- The interval: percentiles over DRAWS bootstrap samples of the images, 95 %, drawn by the seed.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsitmd_tools.quality.texts import folded
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import is_keyword, merged_images

DRAWS = 1000
GROUP = 100  # images whose sentences are held against each other
LEAST_IMAGES = 5  # with fewer there is no interval
KEYWORDS = "Krippendorff's alpha, nominal: a person names a keyword or does not"
KEYWORDS_MEANING = (
    "0: two people name the same keywords of an image as often as chance would have it;"
    " 1: always the same ones."
)
SENTENCES = "Krippendorff's alpha with the distance 1 - S; S is the prior similarity"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far people agree.

    Attributes:
        measure: Its name.
        meaning: What its values mean, one sentence.
        value: At most 1; None where no two people annotated the same image, there is one such
            image alone, or all values are the same.
        interval: Its bounds, 95 %; None with fewer than LEAST_IMAGES images.
        images: Images that two people or more annotated.
    """

    measure: str
    meaning: str
    value: float | None
    interval: tuple[float, float] | None
    images: int


def reliability(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Return how far people agree on ``keywords`` and on ``sentences``, as of the last pull."""
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
        images: Of each image the set of each person; an empty one where they named none.
        seed: Of the interval.
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
    # Ordered pairs of people within an image of whom one alone names a keyword.
    pairs = np.bincount(rows, 2 * numbers * (people[rows] - numbers), len(judged))

    def alphas(draws: Floats) -> Floats:
        """De is of the pairs of different images: an image drawn twice is no chance."""
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
        people: People of each image.
        named: How many of them name each keyword, a sparse array of images by keywords.
    """
    import krippendorff

    alphas: dict[tuple[bytes, ...], float] = {}
    total, summed, weights = people.sum(), 0.0, 0.0
    for column in range(named.shape[1]):
        part = slice(named.indptr[column], named.indptr[column + 1])
        counts, where = named.data[part], named.indices[part]
        weight = float(counts.sum() * (total - counts.sum()))
        if weight == 0:  # everybody names it everywhere
            continue
        # Most keywords are rare, and alpha does not depend on which image it was.
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
        images: Of each image ``(who, sentence)``.
        seed: Of the groups of images, and of the interval.
    """
    judged = [said for said in images if len({who for who, _ in said}) > 1]
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
        meaning="0: sentences of two people about one image are no more alike than sentences"
        " about two images; 1: they are the same.",
        value=None if math.isnan(value) else round(value, 3),
        interval=_interval(len(judged), alphas, seed),
        images=compared,
    )


@dataclass(frozen=True, slots=True)
class _Group:
    """Distances of the sentences of a group of images.

    Attributes:
        weight: ``(N,)``, of each image the sentences that another person's are held against.
        within: ``(N,)``, their mean distance.
        distance: ``(N, N)``, summed over the pairs of sentences of two images; 0 for one image.
        pairs: ``(N, N)``, how many pairs those are.
    """

    weight: Floats
    within: Floats
    distance: Floats
    pairs: Floats


def _distances(images: Sequence[Sequence[tuple[str, str]]]) -> _Group:
    from rsitmd_tools.similarity import reference  # numba, 0.2 s: only what computes pays

    who = np.array([name for said in images for name, _ in said])
    place = np.array([number for number, said in enumerate(images) for _ in said])
    prepared = reference.prepare([[raw] for said in images for _, raw in said])
    similarity = np.empty((len(who), len(who)))
    prepared.filler()(0, similarity)
    # A sentence of stop words alone has no similarity as a reference.
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
    """Return 1 - Do / De; NaN where chance alone gives no difference."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(chance > 0, 1 - observed / chance, np.nan)
    return found


def _interval(images: int, alphas: Any, seed: int) -> tuple[float, float] | None:
    """Return the bounds of alpha over samples of the images, 95 %."""
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
    """Return, of each image, the keywords of each person whose annotation counts."""
    found: dict[int, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in workspace.db.execute(
        "SELECT task.image_id, annotation.annotator_id, keyword.raw"
        " FROM current_annotation AS annotation"
        " JOIN task ON task.id = annotation.task_id"
        " JOIN project ON project.id = task.project_id AND project.kind = 'main'"
        " LEFT JOIN keyword ON keyword.annotation_id = annotation.id"
        " ORDER BY task.image_id"
    ):
        words = found[row["image_id"]][row["annotator_id"]]
        if row["raw"] is not None and is_keyword(row["raw"]):
            words.add(folded(row["raw"]))
    return [list(people.values()) for people in found.values()]
