"""Soft-positive recall against all orders counted one by one."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.hits import KS, hits
from rsitmd_tools.baselines.evaluation.metrics.soft_recall import gains_from, soft_hits
from rsitmd_tools.baselines.evaluation.priors import gallery_prior


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(0, 1, allow_nan=False)), min_size=1, max_size=6)
)
def test_it_is_the_mean_over_all_orders(items: list[tuple[int, float]]) -> None:
    scores = np.array([[score for score, _ in items]], float)
    gains = np.array([gain for _, gain in items])
    found, blind = soft_hits(scores, lambda queries: gains[None].copy())
    orders = list(itertools.permutations(range(len(items))))
    for column, k in enumerate(KS):
        best = [
            max(gains[item] for item in sorted(order, key=lambda i: -items[i][0])[:k])
            for order in orders
        ]
        assert found[0, column] == pytest.approx(np.mean(best), abs=1e-12)
        by_chance = [max(gains[item] for item in order[:k]) for order in orders]
        assert blind[column] == pytest.approx(np.mean(by_chance), abs=1e-12)


def test_with_a_prior_of_zero_it_is_the_strict_recall() -> None:
    random = np.random.default_rng(1)
    scores, owners = random.integers(0, 4, (15, 40)).astype(float), random.integers(0, 15, 40)
    owners[:15] = np.arange(15)
    soft, _ = soft_hits(scores, lambda images: (owners == images[:, None]).astype(float))
    assert soft == pytest.approx(hits(scores, np.arange(15), owners).expected)


def test_gains_are_those_of_the_prior_and_one_for_the_own_image(
    gallery: Gallery, tmp_path: Path
) -> None:
    prior = gallery_prior(gallery, "test", tmp_path)
    of_images, of_texts = gains_from(prior.prior, prior.rows, prior.columns, gallery.owners)
    matrix = of_images(np.arange(3))
    assert np.array_equal(matrix.T, of_texts(np.arange(6)))
    assert np.array_equal(matrix[[2, 0]], of_images(np.array([2, 0])))
    assert (matrix[gallery.owners, np.arange(6)] == 1).all()
    # "a red boat ." of the third image is a sentence of the first one, word for word.
    assert matrix[0, 5] >= 0.5
    assert matrix[1, 0] < 0.5
    assert not np.isnan(matrix).any()
