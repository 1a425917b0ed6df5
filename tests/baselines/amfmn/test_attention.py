"""Scores and gradients of all pairs, compared with loops that implement the equations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from rsitmd_tools.baselines import base
from rsitmd_tools.baselines.amfmn.attention import KINDS, Attention, make_attention

IMAGES, TEXTS, DIMENSION = 5, 7, 6


def soft(a: Attention, v: Tensor, t: Tensor) -> Tensor:
    """Equations 20 and 21."""
    return torch.sigmoid(a.gate.weight @ v + a.gate.bias) * t


def fusion(a: Attention, v: Tensor, t: Tensor) -> Tensor:
    """Equations 22 and 23: A and B work on [v; t]."""
    both = torch.cat([v, t])
    content = torch.cat([a.content_of_image.weight, a.content_of_text.weight], 1)
    gate = torch.cat([a.gate_of_image.weight, a.gate_of_text.weight], 1)
    return (content @ both + a.content_of_image.bias) * torch.sigmoid(
        gate @ both + a.gate_of_image.bias
    )


def similarity(a: Attention, v: Tensor, t: Tensor) -> Tensor:
    """Equations 24 and 25 with a cosine for S."""
    one, other = a.of_image.weight @ v + a.of_image.bias, a.of_text.weight @ t + a.of_text.bias
    return torch.sigmoid(one @ other / (one.norm() * other.norm())) * other


def elementwise(a: Attention, v: Tensor, t: Tensor) -> Tensor:
    """Equations 24 and 25 with the elementwise product for S."""
    one, other = a.of_image.weight @ v + a.of_image.bias, a.of_text.weight @ t + a.of_text.bias
    return torch.sigmoid(one * other) * other


def none(a: Attention, v: Tensor, t: Tensor) -> Tensor:
    """No attention."""
    return t


EQUATIONS: dict[str, Callable[[Attention, Tensor, Tensor], Tensor]] = {
    "none": none,
    "soft": soft,
    "fusion": fusion,
    "similarity": similarity,
    "elementwise": elementwise,
}


def loop(kind: str, attention: Attention, images: Tensor, texts: Tensor) -> Tensor:
    """Score each pair in a loop: the cosine of v and F_t."""
    rows = []
    for v in images:
        row = []
        for t in texts:
            guided = EQUATIONS[kind](attention, v, t)
            row.append(v @ guided / (v.norm() * guided.norm()))
        rows.append(torch.stack(row))
    return torch.stack(rows)


def made(kind: str, dtype: torch.dtype = torch.float64) -> tuple[Attention, Tensor, Tensor]:
    torch.manual_seed(1)
    attention = make_attention(kind, DIMENSION).to(dtype)
    images = torch.randn(IMAGES, DIMENSION, dtype=dtype, requires_grad=True)
    texts = torch.randn(TEXTS, DIMENSION, dtype=dtype, requires_grad=True)
    return attention, images, texts


def test_every_kind_has_its_equation() -> None:
    assert set(EQUATIONS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_a_loop_over_pairs(kind: str) -> None:
    attention, images, texts = made(kind, torch.float32)
    expected = loop(kind, attention, images, texts)
    torch.testing.assert_close(attention(images, texts), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_a_loop_over_pairs(kind: str) -> None:
    attention, images, texts = made(kind)
    weights = torch.randn(IMAGES, TEXTS, dtype=torch.float64)
    inputs = [images, texts, *attention.parameters()]
    one = torch.autograd.grad((attention(images, texts) * weights).sum(), inputs, allow_unused=True)
    other = torch.autograd.grad(
        (loop(kind, attention, images, texts) * weights).sum(), inputs, allow_unused=True
    )
    for found, expected in zip(one, other, strict=True):
        zero = torch.zeros(1, dtype=torch.float64)
        found = zero if found is None else found
        expected = zero if expected is None else expected
        torch.testing.assert_close(*torch.broadcast_tensors(found, expected), atol=1e-9, rtol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_gradcheck(kind: str) -> None:
    attention, images, texts = made(kind)
    assert torch.autograd.gradcheck(attention, (images, texts))


@pytest.mark.parametrize("kind", KINDS)
def test_guided_pairs_give_the_same_scores(kind: str) -> None:
    attention, images, texts = made(kind)
    guided = attention.guided(images[:, None], texts[None])
    scores = torch.cosine_similarity(images[:, None], guided, dim=-1)
    torch.testing.assert_close(attention(images, texts), scores)


@pytest.mark.parametrize("kind", KINDS)
def test_direction_is_that_of_the_guided_text(kind: str) -> None:
    attention, images, texts = made(kind)
    direction = attention.direction(texts)
    if direction is None:
        return
    guided = attention.guided(images[:, None], texts[None])
    cosine = torch.cosine_similarity(guided, direction[None], dim=-1)
    torch.testing.assert_close(cosine, torch.ones_like(cosine))


class Largest(TorchDispatchMode):
    """Record the sizes of the largest tensors that operations create."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = function(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result._base is None:
            self.sizes.append(result.numel())
        return result


@pytest.mark.parametrize("kind", KINDS)
def test_memory_is_bounded_and_blocks_do_not_change_scores(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(2)
    attention = make_attention(kind, 8)
    images, texts = torch.randn(300, 8), torch.randn(200, 8)
    whole = attention(images, texts).detach()
    monkeypatch.setattr(base, "BLOCK_ELEMENTS", 4000)
    monkeypatch.setattr(base, "TILE_ELEMENTS", 1000)
    with torch.no_grad(), Largest() as largest:
        blocked = attention(images, texts)
    torch.testing.assert_close(blocked, whole, atol=1e-6, rtol=0)
    sizes = sorted(largest.sizes)
    if kind in ("none", "similarity"):
        # One product of matrices: nothing but the result has images x texts elements.
        assert sum(size >= 300 * 200 for size in sizes) == 1
    else:
        assert sizes[-1] == 300 * 200
        assert sizes[-2] <= 4000


def test_soft_attention_allocates_no_tensor_of_pairs_by_dimension() -> None:
    attention = make_attention("soft", 64)
    with torch.no_grad(), Largest() as largest:
        attention(torch.randn(50, 64), torch.randn(40, 64))
    assert max(largest.sizes) < 50 * 40 * 64


def test_a_zero_vector_scores_zero_and_has_a_gradient() -> None:
    for kind in KINDS:
        attention, images, _ = made(kind)
        texts = torch.zeros(TEXTS, DIMENSION, dtype=torch.float64, requires_grad=True)
        scores = attention(images, texts)
        assert torch.isfinite(scores).all()
        (gradient,) = torch.autograd.grad(scores.sum(), texts)
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_scorer_has_the_bits_of_the_score_for_one_text_after_another(kind: str) -> None:
    attention, images, texts = made(kind, torch.float32)
    with torch.no_grad():
        scorer = attention.scorer(images)
        for text in texts.split(1):
            assert torch.equal(scorer(text), attention(images, text))


def test_a_kind_that_overrides_only_the_score_keeps_it() -> None:
    class Constant(Attention):
        def forward(self, images: Tensor, texts: Tensor) -> Tensor:
            return images.new_full((len(images), len(texts)), 0.5)

    images, texts = torch.randn(IMAGES, DIMENSION), torch.randn(TEXTS, DIMENSION)
    assert Constant(DIMENSION).scorer(images)(texts).eq(0.5).all()


@pytest.mark.parametrize("method", ["of_images", "of_texts", "combine"])
def test_a_kind_without_a_method_is_named(method: str) -> None:
    class Unfinished(Attention):
        pass

    arguments = (torch.zeros(1, 1),) * (2 if method == "combine" else 1)
    with pytest.raises(NotImplementedError, match=f"Unfinished has no {method}"):
        getattr(Unfinished(1), method)(*arguments)
