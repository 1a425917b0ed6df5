"""VGMF, the weighted sum, and their scores, compared with loops for equations 26 and 27."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from rsitmd_tools.baselines import base
from rsitmd_tools.baselines.amfmn.attention import KINDS, make_attention
from rsitmd_tools.baselines.amfmn.fusion import FUSIONS, VGMF, WeightedSum
from rsitmd_tools.baselines.amfmn.model import score_fused

D = 5


def unit(vector: Tensor) -> Tensor:
    return vector / vector.norm()


def vgmf_of_pair(fusion: VGMF, s: Tensor, k: Tensor) -> Tensor:
    """Equations 26 and 27: W works on [s; k]."""
    both = torch.cat([unit(s), unit(k)])
    weights = torch.cat([fusion.of_sentence.weight, fusion.of_keywords.weight], 1)
    w = torch.sigmoid(weights @ both + fusion.of_sentence.bias)
    return unit(s) * w + unit(k) * (1 - w)


def weighted_of_pair(fusion: WeightedSum, s: Tensor, k: Tensor) -> Tensor:
    a = torch.sigmoid(fusion.logit)
    return a * unit(s) + (1 - a) * unit(k)


OF_PAIR = {"vgmf": vgmf_of_pair, "weighted": weighted_of_pair}


def made(kind: str, name: str) -> tuple[nn.Module, nn.Module, nn.Module, Tensor, Tensor]:
    torch.manual_seed(3)
    parts = [make_attention(kind, D), make_attention(kind, D), FUSIONS[name](D)]
    if name == "weighted":
        nn.init.constant_(parts[2].logit, 0.7)  # type: ignore[arg-type]
    images = torch.randn(4, D, dtype=torch.float64, requires_grad=True)
    texts = torch.randn(6, 2 * D, dtype=torch.float64)
    texts[2, D:] = 0  # No keywords.
    one, other, fusion = (part.double() for part in parts)
    return one, other, fusion, images, texts.requires_grad_()


def loop(name, one, other, fusion, images, texts):  # type: ignore[no-untyped-def]
    scores = []
    for v in images:
        for text in texts:
            s, k = text[:D], text[D:]
            guided = one.guided(v, s)
            fused = OF_PAIR[name](fusion, guided, other.guided(v, k)) if k.any() else guided
            scores.append(v @ fused / (v.norm() * fused.norm()))
    return torch.stack(scores).view(len(images), len(texts))


@pytest.mark.parametrize("name", FUSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_scores_and_gradients_are_those_of_a_loop(kind: str, name: str) -> None:
    one, other, fusion, images, texts = made(kind, name)
    found = score_fused(images, texts, one, other, fusion)  # type: ignore[arg-type]
    expected = loop(name, one, other, fusion, images, texts)
    torch.testing.assert_close(found, expected, atol=1e-9, rtol=0)
    parts = (one, other, fusion)
    inputs = [images, texts, *(each for part in parts for each in part.parameters())]
    weights = torch.randn(4, 6, dtype=torch.float64)
    # The similarity attention scales a text as a whole: what cancels is not in the graph.
    gradients = (
        torch.autograd.grad(
            (scores * weights).sum(), inputs, allow_unused=True, materialize_grads=True
        )
        for scores in (found, expected)
    )
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-7)


@pytest.mark.parametrize("name", FUSIONS)
def test_blocks_do_not_change_scores(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, fusion, images, texts = made("fusion", name)
    with torch.no_grad():
        whole = score_fused(images, texts, one, other, fusion)  # type: ignore[arg-type]
        for elements in (1, 5 * texts.shape[1], 2 * texts.numel()):
            monkeypatch.setattr(base, "TILE_ELEMENTS", elements)
            blocked = score_fused(images, texts, one, other, fusion)  # type: ignore[arg-type]
            torch.testing.assert_close(blocked, whole)


def test_gradcheck_of_vgmf() -> None:
    torch.manual_seed(4)
    fusion = VGMF(3).double()
    s, k = (torch.randn(2, 3, dtype=torch.float64, requires_grad=True) for _ in "sk")
    known = torch.tensor([[True], [False]])
    assert torch.autograd.gradcheck(lambda a, b: fusion(a, b, known), (s, k))
