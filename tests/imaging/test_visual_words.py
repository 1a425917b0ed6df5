"""Neighbours of images by scores: those of a full sort, whatever the number of threads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.imaging import visual_words
from rsitmd_tools.imaging.visual_words import (
    assign,
    nearest_embeddings,
    neighbours,
    vocabulary,
)

Table = npt.NDArray[np.uint8]
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


@given(st.integers(1, 40), st.integers(1, 6), st.data())
def test_the_nearest_words_are_those_of_a_full_sort(
    words: int, descriptors: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    centres = rng.normal(size=(words, 128)).astype(np.float32)
    table = rng.normal(size=(descriptors, 128)).astype(np.float32)
    count = data.draw(st.integers(1, words))
    squares = ((table[:, None] - centres) ** 2).sum(axis=2)
    expected = squares.argsort(axis=1)[:, :count]
    assert np.array_equal(assign(table, centres, count), expected)


def noisy(rng: np.random.Generator, table: Table) -> Table:
    return np.clip(table + rng.integers(-2, 3, table.shape), 0, 255).astype(np.uint8)


def test_a_repeated_pattern_counts_less_than_different_details(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(visual_words, "WORDS", 1)  # a word of tiles alone has no signatures
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (30, 128)).astype(np.uint8)
    other = rng.integers(0, 256, (30, 128)).astype(np.uint8)
    other[:10] = noisy(rng, image[:10])
    copy = noisy(rng, other)  # the nearest image of ``other``, so the pair is not found from there
    copy[:10] = rng.integers(0, 256, (10, 128))
    # Images of one roof tile, which is also on the first image, and images of other things.
    tiles = [noisy(rng, np.repeat(image[-1:], 30, axis=0)) for _ in range(10)]
    rest = [rng.integers(0, 256, (30, 128)).astype(np.uint8) for _ in range(40)]
    assert (0, 1) in neighbours([image, other, copy, *tiles, *rest], 1)


def test_a_descriptor_between_two_words_is_compared_with_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(1)
    shared = rng.integers(0, 256, (400, 128))
    images = [noisy(rng, shared[rng.integers(0, 400, 60)].astype(np.uint8)) for _ in range(40)]
    images += [noisy(rng, image) for image in images]

    def votes() -> float:
        index = visual_words._Index(images, vocabulary(images), None)
        scores = index._votes(0, len(images))
        return float(scores[range(40), range(40, 80)].sum())

    three = votes()
    monkeypatch.setattr(visual_words, "NEAREST_WORDS", 1)
    assert votes() < three
