"""Neighbours of images by scores: those of a full sort, whatever the number of threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.imaging import visual_words
from rsitmd_tools.imaging.visual_words import nearest_embeddings, neighbours

# Few values, so that many scores are equal.
VECTORS = st.lists(st.lists(st.integers(-1, 2), min_size=2, max_size=2), min_size=2, max_size=12)


def by_full_sort(
    vectors: list[list[int]], count: int, sides: list[int] | None
) -> set[frozenset[int]]:
    """Pairs of each vector and the most similar ones; of equal ones, the first."""
    table = np.array(vectors, np.float32)
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    table = np.divide(table, lengths, out=np.zeros_like(table), where=lengths > 0)
    scores = table @ table.T
    pairs = set()
    for one in range(len(vectors)):
        others = [
            other
            for other in range(len(vectors))
            if other != one and scores[one, other] > 0 and (not sides or sides[one] != sides[other])
        ]
        others.sort(key=lambda other: (-scores[one, other], other))
        pairs |= {frozenset({one, other}) for other in others[:count]}
    return pairs


@given(VECTORS, st.integers(1, 14), st.booleans())
def test_neighbours_by_features_are_those_of_a_full_sort(
    vectors: list[list[int]], count: int, two: bool
) -> None:
    sides = [number % 2 for number in range(len(vectors))] if two else None
    found = nearest_embeddings(np.array(vectors, np.float32), count, sides=sides)
    assert found == sorted(found)
    assert {frozenset(pair) for pair in found} == by_full_sort(vectors, count, sides)


def test_neighbours_by_words_do_not_depend_on_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visual_words, "BLOCK", 4)
    rng = np.random.default_rng(0)
    shared = rng.integers(0, 256, (200, 128))
    images = [
        (shared[rng.integers(0, 200, 30)] + rng.integers(0, 3, (30, 128))).astype(np.uint8)
        for _ in range(18)
    ]
    found = neighbours(images, 5, threads=1)
    assert len(found) > 18
    for threads in (2, 5, None):
        assert neighbours(images, 5, threads=threads) == found
