"""SCAN against loops over pairs, regions and words, written from equations 1 to 10."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.models import make_model, make_tokenizer
from rsitmd_tools.baselines.scan import model as scan
from rsitmd_tools.baselines.scan.model import SCAN
from rsitmd_tools.baselines.words import WORDS, ShortVocabulary
from rsitmd_tools.dataset import Dataset

SMALL = ["backbone=test_resnet", "image_size=64", "dimension=8", "word_dimension=8"]
VOCABULARY = ShortVocabulary(("a", "big", "boat", "in", "port", "red", "the"))
TEXTS = VOCABULARY.encode(["a red boat", "zebra", "the big red boat in the port"])


def dot(one: Tensor, other: Tensor) -> float:
    return sum(float(a) * float(b) for a, b in zip(one, other, strict=True))


def cosine(one: Tensor, other: Tensor) -> float:
    return dot(one, other) / math.sqrt(dot(one, one) * dot(other, other))


def pair_score(v: Tensor, e: Tensor, direction: str, pooling: str, l1: float, l2: float) -> float:
    """Equations 1 to 10 for one image with k regions and one text with n words."""
    k, n = len(v), len(e)
    s = [[max(0.0, cosine(v[i], e[j])) for j in range(n)] for i in range(k)]
    relevance = []
    if direction == "i2t":
        for i in range(k):
            weights = []
            for j in range(n):
                length = math.sqrt(sum(s[other][j] ** 2 for other in range(k)))
                weights.append(math.exp(l1 * s[i][j] / length if length else 0.0))
            attended = sum((w / sum(weights)) * e[j] for j, w in enumerate(weights))
            assert isinstance(attended, Tensor)
            relevance.append(cosine(v[i], attended))
    else:
        for j in range(n):
            weights = []
            for i in range(k):
                length = math.sqrt(sum(s[i][other] ** 2 for other in range(n)))
                weights.append(math.exp(l1 * s[i][j] / length if length else 0.0))
            attended = sum((w / sum(weights)) * v[i] for i, w in enumerate(weights))
            assert isinstance(attended, Tensor)
            relevance.append(cosine(e[j], attended))
    if pooling == "avg":
        return sum(relevance) / len(relevance)
    return math.log(sum(math.exp(l2 * r) for r in relevance)) / l2


def make(*changes: str, name: str = "scan-t2i") -> SCAN:
    torch.manual_seed(0)
    model = make_model(load_config(name, [*SMALL, *changes]), VOCABULARY).eval()
    assert isinstance(model, SCAN)
    return model


@pytest.mark.parametrize("pooling", ["lse", "avg"])
@pytest.mark.parametrize("name", ["scan-t2i", "scan-i2t"])
def test_scores_equal_the_equations(name: str, pooling: str) -> None:
    model = make(f"scan.pooling={pooling}", name=name)
    images = torch.randn(2, 3 * 8)  # three regions
    texts = model.encode_texts(TEXTS)
    found = model.score(images, texts).detach()
    settings = model.settings
    for i in range(2):
        for j, length in enumerate(TEXTS.lengths.tolist()):
            regions = images[i].reshape(3, 8).detach()
            words = texts[j, : length * 8].reshape(length, 8).detach()
            expected = pair_score(
                regions, words, settings.direction, pooling, settings.lambda1, settings.lambda2
            )
            assert float(found[i, j]) == pytest.approx(expected, abs=2e-5)


def test_regions_are_projected_cells_and_words_are_states() -> None:
    model = make()
    images = torch.rand(2, 3, 64, 64)
    cells = model.backbone(images)[-1]
    encoded = model.encode_images(images)
    height, width = cells.shape[2:]
    regions = encoded.reshape(2, height * width, 8)
    for row in range(height):
        for column in range(width):
            expected = model.project(cells[:, :, row, column])
            torch.testing.assert_close(regions[:, row * width + column], expected)
    texts = model.encode_texts(TEXTS)
    assert texts.shape == (3, WORDS * 8 + 1)
    assert texts[:, -1].tolist() == TEXTS.lengths.tolist()
    for row, length in enumerate(TEXTS.lengths.tolist()):
        words = texts[row, :-1].reshape(WORDS, 8)
        mean = model.sentence(TEXTS.words, TEXTS.lengths)[row]
        torch.testing.assert_close(words[:length].mean(0), mean)
        assert not words[length:].any()


def test_padding_does_not_matter() -> None:
    """A text has the same row in every batch, and padding has no share in its score."""
    model = make()
    together = model.encode_texts(TEXTS)
    alone = model.encode_texts(TEXTS.take(torch.tensor([0])))
    torch.testing.assert_close(alone[0], together[0])
    images = torch.randn(2, 3 * 8)
    for name in ("scan-t2i", "scan-i2t"):
        scores = make(name=name).score(images, together)
        single = make(name=name).score(images, alone)
        torch.testing.assert_close(scores[:, :1], single)


@pytest.mark.parametrize("name", ["scan-t2i", "scan-i2t"])
def test_gradients_are_finite_also_for_zeros_and_reach_all_parameters(name: str) -> None:
    model = make(name=name).train()
    images, texts = model.encode_images(torch.rand(3, 3, 64, 64)), model.encode_texts(TEXTS)
    # An image of zeros, as a dead unit may give, has no direction.
    scores = model.score(torch.cat([images, images[:1] * 0]), texts)
    scores.sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
        if key.startswith(("project", "sentence")):
            assert parameter.grad.abs().sum() > 0, key


def test_blocks_equal_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("scan-t2i", "scan-i2t"):
        model = make(name=name)
        images, texts = torch.randn(5, 3 * 8), model.encode_texts(TEXTS)
        whole = model.score(images, texts).detach()
        with monkeypatch.context() as patch, torch.no_grad():
            patch.setattr(scan, "PAIR_ELEMENTS", 1)
            torch.testing.assert_close(model.score(images, texts), whole)
            some = model.score(images[torch.tensor([4, 1])], texts[1:])
        torch.testing.assert_close(some, whole[torch.tensor([4, 1])][:, 1:])


def test_long_texts_are_truncated_and_reported(tiny: Dataset) -> None:
    vocabulary = make_tokenizer(load_config("scan-t2i"), tiny)
    texts = vocabulary.encode(["boat " * 200])
    assert texts.words.shape == (1, WORDS)
    assert texts.lengths.tolist() == [WORDS]
    assert vocabulary.unread("boat " * 200)[0] == (
        f"the sentence has 200 words; only the first {WORDS} are used"
    )
