"""The score of a suspicious sentence, against its definition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.baselines.suspects.scores import suspicion


def made(images: int, texts: int, seed: int, strength: float = 3.0) -> tuple[np.ndarray, ...]:
    """Return scores in which each sentence fits its own image, and the owners."""
    owners = np.repeat(np.arange(images), texts)
    scores = np.random.default_rng(seed).normal(size=(images, images * texts))
    scores[owners, np.arange(len(owners))] += strength
    return scores, owners


def standard(values: Sequence[float] | np.ndarray) -> np.ndarray:
    return (np.array(values) - np.mean(values)) / np.std(values)


def test_by_hand() -> None:
    scores = np.array([[3.0, 0.0, 1.0], [1.0, 2.0, 4.0], [2.0, 1.0, 0.0]])
    found, better = suspicion(scores, np.arange(3), np.arange(3))
    columns, rows = scores.std(axis=0), scores.std(axis=1)
    expected = [
        ((2 - 3) / columns[0] + (1 - 3) / rows[0]) / 2,
        ((1 - 2) / columns[1] + (4 - 2) / rows[1]) / 2,
        ((4 - 0) / columns[2] + (2 - 0) / rows[2]) / 2,
    ]
    assert found == pytest.approx(standard(expected))
    assert better.tolist() == [2, 2, 1]


def test_a_sentence_counts_alone_or_with_those_of_its_image() -> None:
    scores, owners = made(5, 3, 0)
    columns, rows = scores.std(axis=0), scores.std(axis=1)
    margins = []
    for text, image in enumerate(owners):
        others = np.arange(5) != image
        best_image = scores[others, text].max()
        best_text = scores[image, owners != image].max()
        own = scores[image, text]
        margins.append(((best_image - own) / columns[text] + (best_text - own) / rows[image]) / 2)
    means = standard(np.reshape(margins, (5, 3)).mean(axis=1))
    found, _ = suspicion(scores, owners, np.arange(5))
    assert found == pytest.approx(np.maximum(standard(margins), np.repeat(means, 3)))


def test_one_exchanged_sentence_comes_first() -> None:
    scores, owners = made(12, 3, 0, strength=12.0)
    scores[[0, 1], 0] = scores[[1, 0], 0]
    found, better = suspicion(scores, owners, np.arange(12))
    assert found.argmax() == 0
    assert better[0] == 1


@given(st.integers(4, 30), st.integers(1, 5), st.integers(0, 100))
def test_sentences_of_two_exchanged_images_come_first(images: int, texts: int, seed: int) -> None:
    scores, owners = made(images, texts, seed, strength=12.0)
    exchanged = owners.copy()
    exchanged[owners == 0], exchanged[owners == 1] = 1, 0
    found, better = suspicion(scores, exchanged, np.arange(images))
    first = np.argsort(-found)[: 2 * texts]
    assert set(owners[first]) == {0, 1}
    assert (better[first] == owners[first]).all()


@given(st.integers(0, 100), st.floats(0.1, 50), st.floats(-5, 5))
def test_the_unit_of_the_scores_does_not_matter(seed: int, scale: float, shift: float) -> None:
    scores, owners = made(8, 2, seed)
    found, better = suspicion(scores, owners, np.arange(8))
    again, same = suspicion(scores * scale + shift, owners, np.arange(8))
    assert again == pytest.approx(found, abs=1e-6)
    assert (same == better).all()


def test_a_copy_of_the_image_is_not_a_better_one() -> None:
    scores, owners = made(6, 1, 0)
    scores[1, 0] = 100.0
    before, better = suspicion(scores, owners, np.arange(6))
    assert better[0] == 1
    found, better = suspicion(scores, owners, np.array([0, 0, 2, 3, 4, 5]))
    assert better[0] != 1
    assert found[0] < before[0]


def test_equal_scores_are_no_division_by_zero() -> None:
    found, _ = suspicion(np.ones((3, 3)), np.arange(3), np.arange(3))
    assert (found == 0).all()


def test_images_of_one_group_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="one group"):
        suspicion(np.ones((2, 2)), np.arange(2), np.zeros(2, int))
