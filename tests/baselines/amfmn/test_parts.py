"""MVSA, multiscale features and keyword branch, compared with their equations."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d, interpolate, sigmoid

from rsitmd_tools.baselines.amfmn import mvsa as mvsa_module
from rsitmd_tools.baselines.amfmn.keywords import KeywordEncoder
from rsitmd_tools.baselines.amfmn.mvsa import MVSA
from rsitmd_tools.baselines.amfmn.visual import GlobalFeature
from rsitmd_tools.baselines.text import SentenceEncoder


def maps_of(sizes: tuple[int, ...], channels: tuple[int, ...]) -> list[torch.Tensor]:
    return [
        torch.randn(2, c, s, s, dtype=torch.float64) for c, s in zip(channels, sizes, strict=True)
    ]


def enlarged(small: torch.Tensor, large: torch.Tensor) -> torch.Tensor:
    return interpolate(small, large.shape[2:], mode="bilinear", align_corners=False)


@pytest.mark.parametrize("sizes", [(64, 32, 16, 8), (56, 28, 14, 7), (33, 17, 9, 5), (8, 4, 2, 1)])
def test_mvsa_follows_its_equations(sizes: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    mvsa = MVSA([5, 6, 7, 8], 20).double()
    maps, overall = maps_of(sizes, (5, 6, 7, 8)), torch.randn(2, 20, dtype=torch.float64)
    # v(l) and v(h) as the paper makes them: whole, one after the other.
    low = torch.cat([maps[0], enlarged(maps[1], maps[0])], 1)
    high = torch.cat([maps[2], enlarged(maps[3], maps[2])], 1)
    small, large = mvsa.reduce_low(low), mvsa.reduce_high(high)
    small, large = adaptive_avg_pool2d(small, 16), adaptive_avg_pool2d(large, 16)
    joint = (large[:, 0] + large[:, 1] + large[:, 2]) / 3
    mixed = torch.cat([small, large], 1) + joint[:, None]
    mixed = mixed / mixed.square().sum(1, keepdim=True).sqrt()

    def one_by_one(layer: torch.nn.Conv2d) -> torch.Tensor:
        assert layer.bias is not None
        return torch.einsum("c,bchw->bhw", layer.weight[0, :, 0, 0], mixed) + layer.bias

    salient = one_by_one(mvsa.content) * sigmoid(one_by_one(mvsa.gate))
    torch.testing.assert_close(mvsa.saliency(maps)[:, 0], salient)
    mask = sigmoid(salient.flatten(1) @ mvsa.to_mask.weight.T + mvsa.to_mask.bias)
    expected = overall * mask
    found = mvsa(maps, overall)
    torch.testing.assert_close(found, expected)
    inputs = list(mvsa.parameters())
    for one, other in zip(
        torch.autograd.grad(found.square().sum(), inputs),
        torch.autograd.grad(expected.square().sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_sizes_at_256_pixels_are_those_of_the_paper() -> None:
    mvsa = MVSA([64, 128, 256, 512], 512)
    assert tuple(mvsa.reduce_low[0].weight.shape) == (3, 192, 3, 3)
    assert tuple(mvsa.reduce_high[0].weight.shape) == (3, 768, 1, 1)
    maps = [m.float() for m in maps_of((64, 32, 16, 8), (64, 128, 256, 512))]
    assert mvsa.saliency(maps).shape == (2, 1, 16, 16)
    visual = GlobalFeature(512, 512)
    pooled = maps[3].mean((2, 3))
    weight, bias = visual.to_global.weight, visual.to_global.bias
    torch.testing.assert_close(visual(pooled), pooled @ weight.T + bias)


def test_keywords_are_the_mean_of_their_phrases() -> None:
    torch.manual_seed(0)
    sentence = SentenceEncoder(30, 8, 6)
    branch = KeywordEncoder(sentence, 6)
    words = torch.tensor([[[2, 3, 0], [4, 0, 0]], [[5, 6, 7], [0, 0, 0]], [[0] * 3, [0] * 3]])
    lengths = torch.tensor([[2, 1], [3, 0], [0, 0]])
    found = branch(words, lengths)
    alone = [
        sentence(torch.tensor([p]), torch.tensor([len(p)]))[0] for p in ([2, 3], [4], [5, 6, 7])
    ]
    torch.testing.assert_close(found[0], branch.mlp((alone[0] + alone[1]) / 2))
    torch.testing.assert_close(found[1], branch.mlp(alone[2]))
    assert not found[2].any()
    assert not branch(words[2:], lengths[2:]).any()


def test_the_branches_share_embedding_and_gru() -> None:
    sentence = SentenceEncoder(30, 8, 6)
    branch = KeywordEncoder(sentence, 6)
    assert all(name.startswith("mlp") for name, _ in branch.named_parameters())
    branch(torch.tensor([[[2]]]), torch.tensor([[1]])).sum().backward()
    assert sentence.embedding.weight.grad is not None


def test_the_branch_of_a_gpu_encodes_keywords_alike() -> None:
    torch.manual_seed(0)
    encoder = KeywordEncoder(SentenceEncoder(9, 6, 5).eval(), 5)
    keywords = torch.tensor([[[3, 4], [5, 0]], [[6, 0], [0, 0]], [[0, 0], [0, 0]]])
    lengths = torch.tensor([[2, 1], [1, 0], [0, 0]])
    found = encoder._of_all(keywords, lengths, lengths > 0)
    torch.testing.assert_close(found, encoder._of_present(keywords, lengths, lengths > 0))
    assert not found[2].any()


@pytest.mark.parametrize("size", [(3, 5), (16, 16), (1, 1)])
def test_the_branch_of_a_gpu_resizes_maps_alike(size: tuple[int, int]) -> None:
    small = torch.rand(2, 3, *size)
    found = mvsa_module._by_matrices(small, 16, 12)
    expected = mvsa_module._to_size_of(small, torch.empty(2, 3, 16, 12))
    torch.testing.assert_close(found, expected)
