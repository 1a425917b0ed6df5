"""Scores: each side encoded once, equal texts alike to the last bit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rsitmd_tools.baselines.base import RetrievalModel, Texts, cosine_matrix
from rsitmd_tools.baselines.evaluation import scoring
from rsitmd_tools.baselines.evaluation.scoring import score_matrix
from rsitmd_tools.baselines.text import Vocabulary


class Counting(RetrievalModel):
    """Counts what it encodes, and rounds each row of a batch in another way."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Linear(3, 4)
        self.images = self.texts = 0

    def frozen_part(self) -> nn.Module:
        return self.weight

    def features_kind(self) -> str:
        return "counting"

    def features(self, images: Tensor) -> list[Tensor]:
        self.images += len(images)
        return [images.mean((2, 3))]

    def encode_features(self, features: Sequence[Tensor]) -> Tensor:
        encoded: Tensor = self.weight(features[0])
        return encoded

    def encode_texts(self, texts: Texts) -> Tensor:
        first = self.texts
        self.texts += len(texts)
        noise = 1e-7 * torch.arange(first, self.texts)[:, None]
        words = torch.stack([texts.words.sum(1), texts.lengths, texts.words[:, 0]], 1).float()
        return torch.cat([words, texts.keyword_lengths.sum(1, keepdim=True).float()], 1) + noise

    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        # As a blocked product may: the last columns are computed otherwise than the first.
        return cosine_matrix(images, texts) + 1e-6 * torch.arange(len(texts))


CAPTIONS = ["a red boat", "a plane", "A red boat", "a red boat", "a plane", "boat a red"]


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary(("a", "boat", "plane", "red"), ("red",), (), "both")


def test_each_side_is_encoded_once_and_equal_texts_have_equal_scores(
    vocabulary: Vocabulary,
) -> None:
    model = Counting().train()
    pixels = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3), dtype=np.uint8)
    scores = score_matrix(model, vocabulary, pixels, CAPTIONS)
    assert (model.images, model.texts) == (7, 3)
    assert np.array_equal(scores[:, 0], scores[:, 2])
    assert np.array_equal(scores[:, 0], scores[:, 3])
    assert np.array_equal(scores[:, 1], scores[:, 4])
    assert not np.array_equal(scores[:, 0], scores[:, 5])
    assert model.training


def test_equal_sentences_with_other_keywords_are_scored_separately(vocabulary: Vocabulary) -> None:
    model = Counting()
    pixels = np.zeros((2, 8, 8, 3), np.uint8)
    keywords = [("red boat",), ("plane",), ("boat",), ("red boat",), ("plane",), ()]
    score_matrix(model, vocabulary, pixels, CAPTIONS, keywords)
    assert model.texts == 4


def test_batches_do_not_change_the_scores(
    trained: Path, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rsitmd_tools.baselines.run import Run

    model, tokenizer, _ = Run(trained).load()
    pixels = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)
    captions = ["a boat .", "two planes stand on the grass beside a road .", "", "a " * 120]
    whole = score_matrix(model, tokenizer, pixels, captions)
    monkeypatch.setattr(scoring, "BATCH", 2)
    assert score_matrix(model, tokenizer, pixels, captions) == pytest.approx(whole, abs=1e-5)


def test_with_eight_views_the_orientation_does_not_matter(trained: Path) -> None:
    from rsitmd_tools.baselines.run import Run

    model, tokenizer, _ = Run(trained).load()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    captions = ["a boat .", "two planes stand on the grass beside a road ."]
    whole = score_matrix(model, tokenizer, pixels, captions, views=8)
    lying = np.rot90(pixels, 1, (1, 2)).copy()
    mirrored = pixels[:, ::-1].copy()
    for other in (lying, mirrored):
        assert score_matrix(model, tokenizer, other, captions, views=8) == pytest.approx(
            whole, abs=1e-5
        )
        once = score_matrix(model, tokenizer, other, captions)
        assert once != pytest.approx(score_matrix(model, tokenizer, pixels, captions), abs=1e-5)
    # Two views are the image and its mirror image.
    seen = score_matrix(model, tokenizer, pixels, captions, views=2)
    flipped = score_matrix(model, tokenizer, pixels[:, :, ::-1].copy(), captions)
    plain = score_matrix(model, tokenizer, pixels, captions)
    assert seen == pytest.approx((plain + flipped) / 2, abs=1e-5)
