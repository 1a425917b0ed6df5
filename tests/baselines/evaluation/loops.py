"""Metrics written query by query and item by item, in plain loops: the oracle of the fast ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.hits import KS
from rsitmd_tools.baselines.evaluation.positives import Pair, Rule

Array = npt.NDArray[Any]


def hits(row: Array, relevant: Sequence[int]) -> list[list[float]]:
    """Return the expected, pessimistic and optimistic hits at each K, and the ranks."""
    if not relevant:
        return [[0.0] * 3, [0.0] * 3, [0.0] * 3, [len(row) + 1.0] * 3]
    best = max(row[item] for item in relevant)
    above = sum(score > best for score in row)
    equal = sum(score == best for score in row)
    good = sum(row[item] == best for item in relevant)
    others = equal - good
    expected = []
    for k in KS:
        places = min(max(k - above, 0), equal)
        expected.append(1 - comb(others, places) / comb(equal, places))
    return [
        expected,
        [float(above + others < k) for k in KS],
        [float(above < k) for k in KS],
        [above + 1 + others / (good + 1), above + 1 + others, above + 1],
    ]


def soft_hits(row: Array, gains: Array) -> list[float]:
    """Return the expected largest gain among the first K."""
    values = []
    for k in (min(k, len(row)) for k in KS):
        last = sorted(row, reverse=True)[k - 1]
        surely = max((gains[item] for item in range(len(row)) if row[item] > last), default=0.0)
        places = k - sum(score > last for score in row)
        equal = sorted((gains[item] for item in range(len(row)) if row[item] == last), reverse=True)
        values.append(
            sum(
                max(gain, surely) * comb(len(equal) - 1 - i, places - 1)
                for i, gain in enumerate(equal)
            )
            / comb(len(equal), places)
        )
    return values


def average_precision(row: Array, relevant: Collection[int]) -> float:
    """Return AP@R: the sum over the scores, the highest first."""
    count, total, before, found = len(relevant), 0.0, 0, 0
    for level in sorted(set(row.tolist()), reverse=True):
        group = [item for item in range(len(row)) if row[item] == level]
        good = sum(item in relevant for item in group)
        for place in range(min(len(group), count - before)):
            others = place * (good - 1) / max(len(group) - 1, 1)
            total += good / len(group) * (found + 1 + others) / (before + place + 1)
        before += len(group)
        found += good
        if before >= count:
            break
    return total / count


def candidates(gallery: Gallery, similarity: Callable[[int, int], float], rule: Rule) -> list[Pair]:
    """Return the candidates for extra positives, pair by pair."""
    keywords = [{k.lower().strip() for k in image.keywords} for image in gallery.part]
    found = []
    for text, owner in enumerate(gallery.owners.tolist()):
        of_text = []
        for image in range(gallery.images):
            value = similarity(image, text)
            value = 0.0 if np.isnan(value) else value
            shared = len(keywords[owner] & keywords[image])
            near = value >= rule.similarity or (
                shared >= rule.shared_keywords and value >= rule.with_similarity
            )
            if near and image != owner:
                of_text.append((-value, image, shared))
        for value, image, shared in sorted(of_text)[: rule.most]:
            found.append(Pair(text, image, -value, shared))
    return found
