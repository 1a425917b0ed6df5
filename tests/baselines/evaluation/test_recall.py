"""Hits and ranks against orders counted one by one, and against the tools of others."""

from __future__ import annotations

import itertools

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsitmd_tools.baselines.evaluation.hits import KS, chance, hit_probability, hits
from rsitmd_tools.baselines.evaluation.trec import nearest

IDS = st.lists(st.integers(0, 2), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.data(), IDS)
def test_ties_count_by_the_mean_over_all_orders(data: st.DataObject, ids: list[int]) -> None:
    row = data.draw(st.lists(st.integers(0, 2), min_size=len(ids), max_size=len(ids)))
    scores, items = np.array([row], float), np.array(ids)
    found = hits(scores, np.array([0]), items)
    ranks = []
    for order in itertools.permutations(range(len(ids))):
        # Sorted by score; equals as they stand in this order.
        listed = sorted(order, key=lambda item: -row[item])
        own = [place for place, item in enumerate(listed, 1) if ids[item] == 0]
        ranks.append(own[0] if own else len(ids) + 1)
    counted = np.array(ranks)
    for column, k in enumerate(KS):
        counts = counted <= k if 0 in ids else counted < 0
        assert found.expected[0, column] == pytest.approx(counts.mean())
        assert found.pessimistic[0, column] == counts.min()
        assert found.optimistic[0, column] == counts.max()
    assert found.ranks[0] == pytest.approx([counted.mean(), counted.max(), counted.min()])


def vsepp_i2t(scores: np.ndarray) -> list[float]:
    """Own transcription of how VSE++ counts: five sentences an image, by position."""
    ranks = []
    for image in range(len(scores)):
        order = np.argsort(scores[image])[::-1]
        own = [int(np.where(order == 5 * image + place)[0][0]) for place in range(5)]
        ranks.append(min(own))
    return [100.0 * np.mean(np.array(ranks) < k) for k in KS]


def vsepp_t2i(scores: np.ndarray) -> list[float]:
    ranks = []
    for text in range(scores.shape[1]):
        order = np.argsort(scores[:, text])[::-1]
        ranks.append(int(np.where(order == text // 5)[0][0]))
    return [100.0 * np.mean(np.array(ranks) < k) for k in KS]


def test_without_ties_it_is_the_counting_of_vsepp() -> None:
    scores = np.random.default_rng(3).normal(size=(40, 200))
    scores[np.arange(200) // 5, np.arange(200)] += 1.5
    owners = np.arange(200) // 5
    to_text = hits(scores, np.arange(40), owners)
    to_image = hits(scores.T, owners, np.arange(40))
    assert 100 * to_text.expected.mean(0) == pytest.approx(vsepp_i2t(scores))
    assert 100 * to_image.expected.mean(0) == pytest.approx(vsepp_t2i(scores))
    assert np.array_equal(to_text.pessimistic, to_text.optimistic)


def test_it_is_success_at_k_of_ir_measures() -> None:
    random = np.random.default_rng(4)
    scores, owners = random.normal(size=(12, 30)), random.integers(0, 12, 30)
    owners[:12] = np.arange(12)
    qrels = [
        ir_measures.Qrel(str(owner), str(text), 1) for text, owner in enumerate(owners.tolist())
    ]
    run = [
        ir_measures.ScoredDoc(str(image), str(text), float(scores[image, text]))
        for image in range(12)
        for text in range(30)
    ]
    measures = [ir_measures.Success @ k for k in KS]
    theirs = ir_measures.calc_aggregate([*measures, ir_measures.RR], qrels, run)
    ours = hits(scores, np.arange(12), owners)
    assert ours.expected.mean(0) == pytest.approx([theirs[m] for m in measures])
    assert (1 / ours.ranks[:, 0]).mean() == pytest.approx(theirs[ir_measures.RR])


def test_ids_decide_not_positions() -> None:
    random = np.random.default_rng(5)
    scores, owners = random.normal(size=(6, 14)), random.integers(0, 6, 14)
    rows, columns = random.permutation(6), random.permutation(14)
    plain = hits(scores, np.arange(6), owners)
    moved = hits(scores[np.ix_(rows, columns)], rows, owners[columns])
    assert np.array_equal(moved.ranks, plain.ranks[rows])


def test_the_probability_of_a_rank_matches_all_permutations_of_ties() -> None:
    for equal in range(1, 8):
        for good in range(equal + 1):
            for places in range(1, equal + 2):
                draws = list(itertools.combinations(range(equal), min(places, equal)))
                share = np.mean([any(item < good for item in draw) for draw in draws])
                assert hit_probability(places, equal, good) == pytest.approx(share)
    assert hit_probability(0, 3, 1) == 0


def test_a_collapsed_model_gets_chance() -> None:
    owners = np.repeat(np.arange(20), 5)
    found = hits(np.zeros((20, 100)), np.arange(20), owners)
    assert 100 * found.expected.mean(0) == pytest.approx(chance(np.full(20, 5), 100))
    assert found.optimistic.min() == 1
    assert found.pessimistic.max() == 0


def test_chance_weighs_queries_by_how_many_items_they_have() -> None:
    assert chance(np.array([1, 3]), 4)[0] == pytest.approx(100 * (1 / 4 + 3 / 4) / 2)
    assert chance(np.array([1, 3]), 4)[1] == 100


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.integers(1, 25))
def test_the_nearest_are_those_of_a_stable_sort(row: list[int], count: int) -> None:
    scores = np.array(row, float)
    assert nearest(scores, count).tolist() == np.argsort(-scores, kind="stable")[:count].tolist()
