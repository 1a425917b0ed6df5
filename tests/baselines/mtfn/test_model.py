"""MTFN against loops over ranks and elements, written from its equations."""

from __future__ import annotations

import math

import pytest
import torch

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.models import make_model
from rsitmd_tools.baselines.mtfn.model import MTFN
from rsitmd_tools.baselines.text import Vocabulary

RANK = 3
SMALL = [
    "backbone=test_resnet",
    "image_size=64",
    "dimension=8",
    "word_dimension=8",
    f"mtfn.rank={RANK}",
]
VOCABULARY = Vocabulary(("a", "big", "boat", "in", "port", "red", "the"))
TEXTS = VOCABULARY.encode(["a red boat", "zebra", "the big red boat in the port"])


def make(*changes: str) -> MTFN:
    torch.manual_seed(0)
    model = make_model(load_config("mtfn", [*SMALL, *changes]), VOCABULARY).eval()
    assert isinstance(model, MTFN)
    return model


@torch.no_grad()
def test_scores_equal_the_equations() -> None:
    model, log_odds = make(), make("loss=bce")
    d = 8
    images = torch.rand(2, 3, 64, 64)
    pooled, sentences = model.features(images)[0], model.sentence(TEXTS.words, TEXTS.lengths)
    encoded, texts = model.encode_images(images), model.encode_texts(TEXTS)
    found, odds = model.score(encoded, texts), log_odds.score(encoded, texts)
    assert texts.shape == (3, d + 1)
    fusion = model.fusion
    for i in range(2):
        for j in range(3):
            v = [math.tanh(float(row @ pooled[i] + b)) for row, b in _rows(model.of_image)]
            t = [math.tanh(float(row @ sentences[j] + b)) for row, b in _rows(model.of_text)]
            z = [0.0] * d
            for r in range(RANK):
                for h in range(d):
                    m, n = fusion.of_image.weight[r * d + h], fusion.of_text.weight[r * d + h]
                    left = sum(float(m[e]) * v[e] for e in range(d))
                    right = sum(float(n[e]) * t[e] for e in range(d))
                    left += float(fusion.of_image.bias[r * d + h])
                    right += float(fusion.of_text.bias[r * d + h])
                    z[h] += left * right
            weight = fusion.classify.weight[0]
            x = sum(float(weight[h]) * z[h] for h in range(d)) + float(fusion.classify.bias)
            assert float(odds[i, j]) == pytest.approx(x, abs=1e-5)
            assert float(found[i, j]) == pytest.approx(1 / (1 + math.exp(-x)), abs=1e-5)


def _rows(linear: torch.nn.Linear) -> list[tuple[torch.Tensor, float]]:
    return [(row, float(b)) for row, b in zip(linear.weight, linear.bias, strict=True)]


def test_gradients_reach_all_parameters() -> None:
    model = make().train()
    model.score(
        model.encode_images(torch.rand(3, 3, 64, 64)), model.encode_texts(TEXTS)
    ).sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
        if not key.startswith("backbone"):
            assert parameter.grad.abs().sum() > 0, key


@torch.no_grad()
def test_rows_can_be_selected() -> None:
    model = make()
    images, texts = torch.randn(5, 8), model.encode_texts(TEXTS)
    rows = torch.tensor([4, 1])
    torch.testing.assert_close(
        model.score(images[rows], texts[1:]), model.score(images, texts)[rows][:, 1:]
    )
