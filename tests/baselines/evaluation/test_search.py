"""Searching by a sentence: order, odd sentences, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rsitmd_tools.baselines.evaluation.search import search
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage


def test_the_most_similar_images_are_listed_first(tiny: Dataset, trained: Path) -> None:
    done = search(trained, tiny, tiny.images[0].captions[0], 5)
    assert [entry["rank"] for entry in done.found] == [1, 2, 3, 4, 5]
    scores = [entry["score"] for entry in done.found]
    assert scores == sorted(scores, reverse=True)
    assert done.notes == []
    assert len(search(trained, tiny, "a boat", 1000).found) == len(tiny)


def test_a_query_of_500_words_is_truncated_with_a_note(tiny: Dataset, trained: Path) -> None:
    word = tiny.images[0].captions[0].split()[1].lower()
    done = search(trained, tiny, f"{word} " * 500, 3)
    assert done.notes == ["the sentence has 500 words; only the first 100 are used"]
    again = search(trained, tiny, f"{word} " * 100, 3)
    assert [entry["score"] for entry in again.found] == [entry["score"] for entry in done.found]


def test_words_never_seen_are_named(tiny: Dataset, trained: Path) -> None:
    word = tiny.images[0].captions[0].split()[1].lower()
    done = search(trained, tiny, f"{word} zxq wvb", 2)
    assert done.notes == ["not in the training data: zxq, wvb"]
    alone = search(trained, tiny, "zxq wvb", 2)
    assert alone.notes == [
        "the training data has no word of the sentence: the ranking is meaningless"
    ]
    assert len(alone.found) == 2


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_blank_sentence_is_wrong_usage(tiny: Dataset, trained: Path, text: str) -> None:
    with pytest.raises(WrongUsage, match="the sentence is blank"):
        search(trained, tiny, text)


def test_no_images_and_no_device(tiny: Dataset, trained: Path) -> None:
    with pytest.raises(RsitmdError, match="contains no images"):
        search(trained, tiny.with_images([]), "a boat")
    if not torch.cuda.is_available():
        with pytest.raises(RsitmdError, match="device cuda: is not available"):
            search(trained, tiny, "a boat", device="cuda")


def test_an_absent_image_is_named(tiny: Dataset, trained: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    with pytest.raises(RsitmdError, match=tiny.images[0].filename):
        search(trained, replace(tiny, image_folder=tmp_path), "a boat")


def test_a_model_that_returns_nan(
    tiny: Dataset, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = np.zeros((len(tiny), 1), np.float32)
    scores[3] = np.nan
    monkeypatch.setattr("rsitmd_tools.baselines.evaluation.search.score_matrix", lambda *_: scores)
    with pytest.raises(RsitmdError, match=f"{tiny.images[3].filename}: the model's score"):
        search(trained, tiny, "a boat")
