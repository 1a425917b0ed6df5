"""CAMP against loops over pairs, regions and words, written from its equations."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from rsitmd_tools.baselines.camp import model as camp
from rsitmd_tools.baselines.camp.model import CAMP, Aggregation, GatedFusion
from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.models import make_model
from rsitmd_tools.baselines.words import ShortVocabulary

D = 8
SMALL = ["backbone=test_resnet", "image_size=64", f"dimension={D}", "word_dimension=8"]
VOCABULARY = ShortVocabulary(("a", "big", "boat", "in", "port", "red", "the"))
TEXTS = VOCABULARY.encode(["a red boat", "zebra", "the big red boat in the port"])


def make(name: str = "camp-bce", *changes: str) -> CAMP:
    torch.manual_seed(0)
    model = make_model(load_config(name, [*SMALL, *changes]), VOCABULARY).eval()
    assert isinstance(model, CAMP)
    return model


def softmax(values: list[float]) -> list[float]:
    powers = [math.exp(value) for value in values]
    return [power / sum(powers) for power in powers]


def weighted(weights: list[float], vectors: Tensor) -> list[float]:
    return [sum(w * float(x[d]) for w, x in zip(weights, vectors, strict=True)) for d in range(D)]


def fused(fusion: GatedFusion, own: Tensor, message: list[float]) -> Tensor:
    """Equations 4 and 5 of one region or word."""
    sums = []
    for d in range(D):
        gate = 1 / (1 + math.exp(-float(own[d]) * message[d]))
        sums.append(gate * (float(own[d]) + message[d]))
    weight, bias = fusion.transform.weight, fusion.transform.bias
    out = []
    for d in range(D):
        linear = sum(float(weight[d, e]) * sums[e] for e in range(D)) + float(bias[d])
        out.append(max(0.0, linear) + float(own[d]))
    return torch.tensor(out)


def joined(aggregation: Aggregation, vectors: list[Tensor]) -> list[float]:
    """Equation 6."""
    weight = aggregation.weigh.weight[0]
    logits = [sum(float(weight[d]) * float(x[d]) for d in range(D)) / math.sqrt(D) for x in vectors]
    return weighted(softmax(logits), torch.stack(vectors))


def log_odds(model: CAMP, v: Tensor, t: Tensor) -> float:
    """All equations for one image with k regions and one text with n words."""
    keys, word_keys = v @ model.region_key.weight.T, t @ model.word_key.weight.T
    affinity = [
        [sum(float(a[d]) * float(b[d]) for d in range(D)) / math.sqrt(D) for b in word_keys]
        for a in keys
    ]
    regions = [
        fused(model.fuse_regions, v[i], weighted(softmax(affinity[i]), t)) for i in range(len(v))
    ]
    words = [
        fused(model.fuse_words, t[j], weighted(softmax([row[j] for row in affinity]), v))
        for j in range(len(t))
    ]
    one, other = joined(model.join_regions, regions), joined(model.join_words, words)
    both = torch.tensor([a + b for a, b in zip(one, other, strict=True)])
    first, last = model.classify[0], model.classify[2]
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    hidden = [max(0.0, float(first.weight[d] @ both + first.bias[d])) for d in range(D)]
    return float(last.bias[0]) + sum(float(last.weight[0, d]) * hidden[d] for d in range(D))


@torch.no_grad()
def test_scores_equal_the_equations() -> None:
    model, probable = make("camp-bce"), make("camp-triplet")
    images, texts = 2 * torch.randn(2, 3 * D), model.encode_texts(TEXTS)
    found, probability = model.score(images, texts), probable.score(images, texts)
    for i in range(2):
        for j, length in enumerate(TEXTS.lengths.tolist()):
            words = texts[j, : length * D].reshape(length, D)
            expected = log_odds(model, images[i].reshape(3, D), words)
            assert float(found[i, j]) == pytest.approx(expected, abs=1e-5)
            assert float(probability[i, j]) == pytest.approx(
                1 / (1 + math.exp(-expected)), abs=1e-5
            )


def gradients(model: CAMP, images: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    model.score(images, model.encode_texts(TEXTS)).square().sum().backward()
    return {
        name: parameter.grad.clone()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


def test_training_in_blocks_has_the_gradients_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make().train()
    images = torch.randn(5, 3 * D)
    whole = gradients(model, images)
    assert all(value.abs().sum() > 0 for value in whole.values())
    monkeypatch.setattr(camp, "TRAINING_ELEMENTS", 1)
    blocks = gradients(model, images)
    assert whole.keys() == blocks.keys()
    for name, value in whole.items():
        torch.testing.assert_close(blocks[name], value)


def test_gradients_reach_all_parameters() -> None:
    model = make("camp-triplet").train()
    model.score(
        model.encode_images(torch.rand(3, 3, 64, 64)), model.encode_texts(TEXTS)
    ).sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key


@torch.no_grad()
def test_blocks_equal_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make()
    images, texts = torch.randn(5, 3 * D), model.encode_texts(TEXTS)
    whole = model.score(images, texts)
    monkeypatch.setattr(camp, "PAIR_ELEMENTS", 1)
    torch.testing.assert_close(model.score(images, texts), whole)
    rows = torch.tensor([4, 1])
    torch.testing.assert_close(model.score(images[rows], texts[1:]), whole[rows][:, 1:])
