"""Metrics of whole blocks of queries against the same metrics in plain loops."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rsitmd_tools.baselines.evaluation import blocks
from rsitmd_tools.baselines.evaluation.blocks import map_queries, query_blocks
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.hits import hits
from rsitmd_tools.baselines.evaluation.metrics.map_at_r import average_precisions
from rsitmd_tools.baselines.evaluation.metrics.soft_recall import gains_from, soft_hits
from rsitmd_tools.baselines.evaluation.positives import Rule, candidates
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.similarity import Prior
from tests.baselines.evaluation import loops

QUICK = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

Array = npt.NDArray[Any]


class Case(NamedTuple):
    """Scores and a prior of images that have one to many sentences."""

    scores: Array
    prior: Array
    gallery: Gallery


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a gallery; scores and prior have no, some or only equal values."""
    counts = draw(st.lists(st.integers(1, 7), min_size=2, max_size=9))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (len(counts), sum(counts))
    values = draw(st.sampled_from([1, 2, 4, 1000]))
    scores = random.integers(0, values, shape).astype(draw(st.sampled_from(["f4", "f8"])))
    scores[random.random(shape) < draw(st.sampled_from([0, 0.5]))] = -np.inf
    prior = random.integers(0, draw(st.sampled_from([1, 3, 1000])) + 1, shape)
    prior = (prior / prior.max(initial=1)).astype(draw(st.sampled_from(["f4", "f8"])))
    prior[random.random(len(counts)) < 0.2] = np.nan
    images = tuple(
        ImageRecord(
            f"{number}.png",
            tuple(Sentence(f"text {place} of {number}") for place in range(count)),
            tuple(f"keyword {each}" for each in set(random.integers(0, 4, 3).tolist())),
            "test",
        )
        for number, count in enumerate(counts)
    )
    gallery = Gallery.of(Dataset("drawn", images, Path("nowhere"), "rsitmd"), "test")
    return Case(scores, prior, gallery)


@pytest.fixture(params=[2, 1000], ids=lambda count: f"blocks-of-{count}")
def _block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 0)
    monkeypatch.setattr(blocks, "LEAST_QUERIES", request.param)


def both_ways(case: Case) -> list[tuple[Array, list[list[int]]]]:
    """Return the scores of both directions with the relevant items of each query."""
    owners = case.gallery.owners
    own = [np.flatnonzero(owners == image).tolist() for image in range(len(case.scores))]
    return [(case.scores, own), (case.scores.T, [[owner] for owner in owners.tolist()])]


@pytest.mark.usefixtures("_block")
@QUICK
@given(cases())
def test_hits(case: Case) -> None:
    images = np.arange(len(case.scores))
    ids = [(images, case.gallery.owners), (case.gallery.owners, images)]
    for (scores, relevant), (query_ids, item_ids) in zip(both_ways(case), ids, strict=True):
        found = hits(scores, query_ids, item_ids)
        expected = np.array([loops.hits(*each) for each in zip(scores, relevant, strict=True)])
        assert found.expected == pytest.approx(expected[:, 0], abs=1e-12)
        assert np.array_equal(found.pessimistic, expected[:, 1])
        assert np.array_equal(found.optimistic, expected[:, 2])
        assert found.ranks == pytest.approx(expected[:, 3], abs=1e-12)


@pytest.mark.usefixtures("_block")
def test_queries_without_a_relevant_item_are_never_hit() -> None:
    found = hits(np.array([[1.0, 2.0], [2.0, 1.0], [1, 1]]), np.array([0, 7, 1]), np.array([0, 1]))
    assert found.ranks[:, 0].tolist() == [2, 3, 1.5]
    assert found.expected[1].tolist() == found.optimistic[1].tolist() == [0, 0, 0]


@pytest.mark.usefixtures("_block")
@QUICK
@given(cases())
def test_soft_hits(case: Case) -> None:
    owners = case.gallery.owners
    images, texts = np.arange(len(case.scores)), np.arange(len(owners))
    prior = Prior(case.prior, Path("nowhere"), {})
    gains = np.nan_to_num(case.prior, nan=0.0).astype(float)
    gains[owners, texts] = 1
    ways = zip(
        (case.scores, case.scores.T),
        gains_from(prior, images, texts, owners),
        (gains, gains.T),
        strict=True,
    )
    for scores, of_queries, expected_gains in ways:
        found, chance = soft_hits(scores, of_queries)
        pairs = list(zip(scores, expected_gains, strict=True))
        expected = np.array([loops.soft_hits(*pair) for pair in pairs])
        assert found == pytest.approx(expected, abs=1e-12)
        blind = np.array([loops.soft_hits(0 * gains, gains) for _, gains in pairs])
        assert chance == pytest.approx(blind.mean(0), abs=1e-12)


@pytest.mark.usefixtures("_block")
@QUICK
@given(cases(), st.data())
def test_average_precisions(case: Case, data: st.DataObject) -> None:
    for scores, own in both_ways(case):
        items = st.lists(st.integers(0, scores.shape[1] - 1), max_size=scores.shape[1])
        relevant = [sorted({*each, *data.draw(items)}) for each in own]
        expected = [loops.average_precision(*each) for each in zip(scores, relevant, strict=True)]
        assert average_precisions(scores, relevant) == pytest.approx(expected, abs=1e-12)
        some = np.array(data.draw(st.permutations(range(len(scores)))))[: len(scores) // 2 + 1]
        found = average_precisions(scores, relevant, some)
        assert found == pytest.approx(np.array(expected)[some], abs=1e-12)


@pytest.mark.usefixtures("_block")
@QUICK
@given(
    cases(),
    st.builds(
        Rule,
        st.sampled_from([0, 0.5, 0.9]),
        st.integers(0, 3),
        st.sampled_from([0, 0.25, 0.7]),
        st.integers(0, 4),
    ),
)
def test_candidates(case: Case, rule: Rule) -> None:
    prior = Prior(case.prior, Path("nowhere"), {})
    rows, columns = np.arange(case.gallery.images), np.arange(case.gallery.texts)
    found = candidates(case.gallery, prior, rows, columns, rule)
    assert found == loops.candidates(case.gallery, lambda *at: float(case.prior[at]), rule)


def test_blocks_are_all_queries_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 80)
    monkeypatch.setattr(blocks, "LEAST_QUERIES", 2)
    sizes = [len(each) for each in query_blocks(np.arange(7), 4, 8)]
    assert sizes == [2, 2, 2, 1]
    assert [len(each) for each in query_blocks(np.arange(7), 4, 4)] == [5, 2]
    scores = np.random.default_rng(0).random((4, 7))
    for queries in (None, np.array([6, 0, 3, 4, 5])):
        chosen = np.arange(7) if queries is None else queries
        found = list(map_queries(scores.T, lambda query, block: (query, block), queries))
        assert np.array_equal(np.concatenate([query for query, _ in found]), chosen)
        assert np.array_equal(np.concatenate([block for _, block in found]), scores.T[chosen])
        assert all(block.flags.c_contiguous for _, block in found)


def test_an_error_in_a_block_is_raised() -> None:
    def fails(queries: Array, block: Array) -> None:
        raise MemoryError(f"of {len(queries)}")

    with pytest.raises(MemoryError, match="of"):
        list(map_queries(np.zeros((40, 2)), fails))
