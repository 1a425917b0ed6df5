"""Losses compared with loops that implement equations 28 to 30."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.baselines.losses import bce_loss, dynamic_margin, info_nce, triplet_loss


def scores(size: int = 6) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.rand(size, size, dtype=torch.float64, requires_grad=True)


@given(st.floats(0, 1), st.floats(0.01, 2), st.floats(-20, 20).filter(lambda b: abs(b) > 0.01))
def test_margin_is_equation_30(similarity: float, gamma: float, beta: float) -> None:
    rise = math.exp(beta) - 1
    expected = gamma * (math.exp(beta) - math.exp(beta * similarity)) / rise
    found = dynamic_margin(torch.tensor([[similarity]], dtype=torch.float64), gamma, beta)
    assert found.item() == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_margin_at_zero_is_the_limit_and_large_beta_does_not_overflow() -> None:
    prior = torch.linspace(0, 1, 11, dtype=torch.float64)[None]
    near = dynamic_margin(prior, 0.6, 1e-5)
    torch.testing.assert_close(dynamic_margin(prior, 0.6, 0.0), 0.6 * (1 - prior))
    torch.testing.assert_close(near, 0.6 * (1 - prior), atol=1e-5, rtol=0)
    assert torch.isfinite(dynamic_margin(prior.float(), 0.6, 1000.0)).all()
    assert torch.isfinite(dynamic_margin(prior.float(), 0.6, -1000.0)).all()


def test_margin_of_a_pair_with_nan_similarity_is_gamma() -> None:
    assert dynamic_margin(torch.tensor([[float("nan")]]), 0.6, 5).item() == pytest.approx(0.6)


def test_sum_over_all_negatives() -> None:
    s, size = scores(), 6
    margin = torch.rand(size, size, dtype=torch.float64)
    expected = 0.0
    for i in range(size):
        for j in range(size):
            if i != j:
                expected += max(0.0, float(margin[i, j] + s[i, j] - s[i, i]))
                expected += max(0.0, float(margin[i, j] + s[i, j] - s[j, j]))
    assert triplet_loss(s, margin).item() == pytest.approx(expected)


def test_hardest_negative_of_each_query() -> None:
    s, size = scores(), 6
    expected = 0.0
    for i in range(size):
        others = [j for j in range(size) if j != i]
        expected += max(0.0, *(0.2 + float(s[i, j] - s[i, i]) for j in others))
        expected += max(0.0, *(0.2 + float(s[j, i] - s[i, i]) for j in others))
    assert triplet_loss(s, 0.2, "hardest").item() == pytest.approx(expected)


def test_pairs_that_are_not_negatives_are_ignored() -> None:
    s = scores(4)
    negative = torch.ones(4, 4, dtype=torch.bool)
    negative[0, 1] = negative[1, 0] = False
    changed = s.detach().clone()
    changed[0, 1] = changed[1, 0] = 100.0
    for loss in (
        lambda x: triplet_loss(x, 0.2, "sum", negative),
        lambda x: triplet_loss(x, 0.2, "hardest", negative),
        lambda x: info_nce(x, 0.1, negative),
        lambda x: bce_loss(x, "sum", negative),
        lambda x: bce_loss(x, "hardest", negative),
    ):
        assert loss(changed).item() == pytest.approx(loss(s).item())


def test_info_nce() -> None:
    s, size = scores(), 6
    expected = 0.0
    for i in range(size):
        row = sum(math.exp(float(s[i, j]) / 0.1) for j in range(size))
        column = sum(math.exp(float(s[j, i]) / 0.1) for j in range(size))
        own = float(s[i, i]) / 0.1
        expected += (math.log(row) - own + math.log(column) - own) / 2
    assert info_nce(s, 0.1).item() == pytest.approx(expected)


@pytest.mark.parametrize("negatives", ["sum", "hardest"])
def test_binary_cross_entropy(negatives: str) -> None:
    s, size = scores(), 6
    m = [[1 / (1 + math.exp(-float(s[i, j]))) for j in range(size)] for i in range(size)]
    expected = 0.0
    for i in range(size):
        of_texts = [-math.log(1 - m[i][j]) for j in range(size) if j != i]
        of_images = [-math.log(1 - m[j][i]) for j in range(size) if j != i]
        pool = max if negatives == "hardest" else sum
        expected += -2 * math.log(m[i][i]) + pool(of_texts) + pool(of_images)
    assert bce_loss(s, negatives).item() == pytest.approx(expected)
    # The sigmoid of these is 1 or 0 in float32; the loss is still exact.
    far = torch.tensor([[100.0, -100.0], [90.0, 100.0]])
    assert bce_loss(far).item() == pytest.approx(180.0)


@pytest.mark.parametrize("negatives", ["sum", "hardest"])
def test_gradcheck(negatives: str) -> None:
    assert torch.autograd.gradcheck(lambda s: triplet_loss(s, 0.3, negatives), (scores(),))
    assert torch.autograd.gradcheck(lambda s: info_nce(s, 0.5), (scores(),))
    assert torch.autograd.gradcheck(lambda s: bce_loss(s, negatives), (scores(),))
