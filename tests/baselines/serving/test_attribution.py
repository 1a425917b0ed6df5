"""The words that mattered: the difference of two scores, word by word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.evaluation.search import Searcher
from rsitmd_tools.baselines.serving.attribution import LEVELS, MOST, attribution, levels
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset
from tests.tiny_runs import SETTINGS


def test_an_effect_is_the_score_minus_that_without_the_word(
    data: Dataset, served_runs: list[Path]
) -> None:
    searcher = Searcher(served_runs[0], data, "cpu")
    found = attribution(searcher, searcher.query("two white boats"), [4, 0])
    assert found.words == ("two", "white", "boats")
    captions = ["two white boats", "white boats", "two boats", "two white"]
    whole, *without = searcher.text_scores(captions)[[4, 0]].T
    for effect, score in zip(found.effects.T, without, strict=True):
        assert effect == pytest.approx(whole - score, abs=1e-5)
    strongest = found.strongest(0)
    assert [value for _, value in strongest] == sorted(
        (float(value) for value in found.effects[0] if value > 1e-6), reverse=True
    )


@pytest.mark.parametrize("query", ["sentence", "both", "keywords"])
def test_keywords_are_left_out_as_a_whole(data: Dataset, tmp_path: Path, query: str) -> None:
    settings = [*SETTINGS, f"query={query}", "text=vgmf"]
    run = train(data, load_config("amfmn-soft", settings), tmp_path / "run")
    searcher = Searcher(run, data, "cpu")
    keywords = data.images[0].keywords[:2]
    found = attribution(searcher, searcher.query("a boat", keywords), range(5))
    words = () if query == "keywords" else ("a", "boat")
    assert found.words == (*words, *keywords)
    one = searcher.query_scores(searcher.query("a boat", keywords))
    other = searcher.query_scores(searcher.query("a boat", keywords[1:]))
    place = len(words)
    assert found.effects[:, place] == pytest.approx((one - other)[:5], abs=1e-5)


def test_of_a_long_sentence_the_first_hundred_are_tried(
    data: Dataset, served_runs: list[Path]
) -> None:
    searcher = Searcher(served_runs[0], data, "cpu")
    found = attribution(searcher, searcher.query("boat " * 150), [0])
    assert len(found.words) == MOST and found.more == 50
    # Other words took the place of the one that was left out: the sentence is the same.
    assert np.abs(found.effects).max() < 1e-5


def test_one_word_and_no_image(data: Dataset, served_runs: list[Path]) -> None:
    searcher = Searcher(served_runs[0], data, "cpu")
    found = attribution(searcher, searcher.query("boat"), [1])
    assert found.words == ("boat",) and np.isfinite(found.effects).all()


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=9))
def test_levels_are_shares_of_the_strongest(values: list[float]) -> None:
    found = levels(np.array(values))
    assert all(abs(level) <= LEVELS for level in found)
    assert all(level * value >= 0 for level, value in zip(found, values, strict=True))
    if max(map(abs, values)) > 1e-6:
        assert LEVELS in map(abs, found)
