"""MVSA, multiscale features and keyword branch against their equations."""

from __future__ import annotations

import torch
from torch.nn.functional import interpolate, sigmoid

from rsitmd_tools.baselines.amfmn.keywords import KeywordEncoder
from rsitmd_tools.baselines.amfmn.mvsa import MVSA
from rsitmd_tools.baselines.amfmn.visual import MultiscaleFeatures
from rsitmd_tools.baselines.text import SentenceEncoder


def test_sizes_at_256_pixels_are_those_of_the_paper() -> None:
    visual = MultiscaleFeatures([64, 128, 256, 512], 512)
    maps = [torch.randn(2, c, s, s) for c, s in ((64, 64), (128, 32), (256, 16), (512, 8))]
    low, high, overall = visual(maps)
    assert (low.shape, high.shape, overall.shape) == (
        (2, 192, 64, 64),
        (2, 768, 16, 16),
        (2, 512),
    )
    torch.testing.assert_close(low[:, :64], maps[0])
    up = interpolate(maps[3], (16, 16), mode="bilinear", align_corners=False)
    torch.testing.assert_close(high[:, 256:], up)
    weight, bias = visual.to_global.weight, visual.to_global.bias
    torch.testing.assert_close(overall, maps[3].mean((2, 3)) @ weight.T + bias)


def test_mvsa_follows_its_equations() -> None:
    torch.manual_seed(0)
    mvsa = MVSA(8, 12, 20)
    low, high, overall = torch.randn(3, 8, 64, 64), torch.randn(3, 12, 16, 16), torch.randn(3, 20)
    small, large = mvsa.reduce_low(low), mvsa.reduce_high(high)
    assert small.shape == large.shape == (3, 3, 16, 16)
    joint = (large[:, 0] + large[:, 1] + large[:, 2]) / 3
    mixed = torch.cat([small, large], 1) + joint[:, None]
    mixed = mixed / mixed.square().sum(1, keepdim=True).sqrt()

    def one_by_one(layer: torch.nn.Conv2d) -> torch.Tensor:
        return torch.einsum("c,bchw->bhw", layer.weight[0, :, 0, 0], mixed) + layer.bias

    salient = one_by_one(mvsa.content) * sigmoid(one_by_one(mvsa.gate))
    torch.testing.assert_close(mvsa.saliency(low, high)[:, 0], salient, atol=1e-5, rtol=1e-4)
    mask = sigmoid(salient.flatten(1) @ mvsa.to_mask.weight.T + mvsa.to_mask.bias)
    torch.testing.assert_close(mvsa(low, high, overall), overall * mask, atol=1e-5, rtol=1e-4)


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
