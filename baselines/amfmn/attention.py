"""Visual-guided attention and its scores (equations 20 to 25).

Each kind of attention computes F_t from a text t and an image v. The score of the pair is
cos(v, F_t). Where algebra allows it, the scores of all pairs are computed without a tensor of
shape ``(images, texts, d)``; otherwise they are computed in tiles of bounded size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from rsitmd_tools.baselines.base import (
    EPSILON,
    Scorer,
    cosine_scorer,
    in_blocks,
    in_tiles,
)
from rsitmd_tools.plugins import ATTENTION, calling, load_plugin, package_of

Pairs = Callable[[slice, slice], Tensor]


class Attention(nn.Module):
    """A kind of visual-guided attention: F_t combines an image part and a text part."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.dimension = dimension

    def of_images(self, images: Tensor) -> tuple[Tensor, ...]:
        """Map ``(..., d)`` images to the image parts of F_t."""
        raise NotImplementedError(f"{type(self).__name__} has no of_images")

    def of_texts(self, texts: Tensor) -> tuple[Tensor, ...]:
        """Map ``(..., d)`` texts to the text parts of F_t."""
        raise NotImplementedError(f"{type(self).__name__} has no of_texts")

    def combine(self, image: Sequence[Tensor], text: Sequence[Tensor]) -> Tensor:
        """Return F_t from image parts and text parts, which are broadcast."""
        raise NotImplementedError(f"{type(self).__name__} has no combine")

    def direction(self, texts: Tensor) -> Tensor | None:
        """Return F_t up to a positive factor; None if F_t depends on the image."""
        return None

    def guided(self, image: Tensor, text: Tensor) -> Tensor:
        """Return F_t of aligned pairs: ``(..., d)`` and ``(..., d)`` to ``(..., d)``."""
        return self.combine(self.of_images(image), self.of_texts(text))

    def pairs_with(self, images: Tensor) -> Callable[[Tensor], Pairs]:
        """Return a function of texts, for which the image parts are computed once.

        Its result maps image rows and text rows to F_t of all their pairs, ``(n, m, d)``.
        """
        of_images = self.of_images(images)

        def with_texts(texts: Tensor) -> Pairs:
            of_texts = self.of_texts(texts)

            def pairs(rows: slice, columns: slice) -> Tensor:
                image = [part[rows, None] for part in of_images]
                return self.combine(image, [part[None, columns] for part in of_texts])

            return pairs

        return with_texts

    def forward(self, images: Tensor, texts: Tensor) -> Tensor:
        """Score all pairs: ``(N, d)`` and ``(M, d)`` to ``(N, M)``."""
        return self.scorer(images)(texts)

    def scorer(self, images: Tensor) -> Scorer:
        """Return :meth:`forward` as a function of the texts; image parts are computed once."""
        if type(self).forward is not Attention.forward:  # A kind of another package.
            return lambda texts: self.forward(images, texts)
        guided_by, unit = self.pairs_with(images), normalize(images, dim=-1, eps=EPSILON)

        def score(texts: Tensor) -> Tensor:
            guided = guided_by(texts)
            return in_tiles(
                lambda rows, columns: cosine_of_pairs(unit[rows], guided(rows, columns)),
                images,
                len(texts),
                self.dimension,
            )

        return score


def cosine_of_pairs(unit: Tensor, guided: Tensor) -> Tensor:
    """Return the cosine of ``(N, d)`` unit images and ``(N, M, d)`` guided texts: ``(N, M)``."""
    product = torch.einsum("nd,nmd->nm", unit, guided)
    return product / guided.square().sum(-1).clamp_min(EPSILON**2).sqrt()


class NoAttention(Attention):
    """F_t = t: the score is the cosine of image and text (rows m1 to m5 of table VI)."""

    def of_images(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return zeros: the image has no part in F_t."""
        return (images.new_zeros((*images.shape[:-1], 1)),)

    def of_texts(self, texts: Tensor) -> tuple[Tensor, ...]:
        """Return the text."""
        return (texts,)

    def combine(self, image: Sequence[Tensor], text: Sequence[Tensor]) -> Tensor:
        """Return the text, broadcast over images."""
        return text[0] + image[0]

    def direction(self, texts: Tensor) -> Tensor | None:
        """Return the text."""
        return texts

    def scorer(self, images: Tensor) -> Scorer:
        """Return the cosine."""
        return cosine_scorer(images)


class SoftAttention(Attention):
    """F_t = sigmoid(W v) * t (equations 20, 21)."""

    def __init__(self, dimension: int) -> None:
        super().__init__(dimension)
        self.gate = nn.Linear(dimension, dimension)

    def of_images(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the gate sigmoid(W v)."""
        return (torch.sigmoid(self.gate(images)),)

    def of_texts(self, texts: Tensor) -> tuple[Tensor, ...]:
        """Return the text."""
        return (texts,)

    def combine(self, image: Sequence[Tensor], text: Sequence[Tensor]) -> Tensor:
        """Return the gated text."""
        return image[0] * text[0]

    def forward(self, images: Tensor, texts: Tensor) -> Tensor:
        """Score all pairs.

        With g = sigmoid(W v), ``sum(v g t)`` and ``|g t|^2`` are two matrix products.
        """
        return in_blocks(
            lambda block: self.scorer(block)(texts), images, len(texts), 2 * len(texts)
        )

    def scorer(self, images: Tensor) -> Scorer:
        """Return both matrix products as a function of the texts."""
        (gate,) = self.of_images(images)
        gated, squares = normalize(images, dim=-1, eps=EPSILON) * gate, gate.square()

        def score(texts: Tensor) -> Tensor:
            length = (squares @ texts.square().T).clamp_min(EPSILON**2).sqrt()
            return (gated @ texts.T) / length

        return score


class FusionAttention(Attention):
    """F_t = (A [v; t]) * sigmoid(B [v; t]) (equations 22, 23).

    A [v; t] is the sum of one linear map of v and one of t. The same holds for B [v; t].
    """

    def __init__(self, dimension: int) -> None:
        super().__init__(dimension)
        self.content_of_image = nn.Linear(dimension, dimension)
        self.content_of_text = nn.Linear(dimension, dimension, bias=False)
        self.gate_of_image = nn.Linear(dimension, dimension)
        self.gate_of_text = nn.Linear(dimension, dimension, bias=False)

    def of_images(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the image parts of A [v; t] and B [v; t]."""
        return self.content_of_image(images), self.gate_of_image(images)

    def of_texts(self, texts: Tensor) -> tuple[Tensor, ...]:
        """Return the text parts of A [v; t] and B [v; t]."""
        return self.content_of_text(texts), self.gate_of_text(texts)

    def combine(self, image: Sequence[Tensor], text: Sequence[Tensor]) -> Tensor:
        """Add the parts and gate the content."""
        return (image[0] + text[0]) * torch.sigmoid(image[1] + text[1])


class MappedAttention(Attention):
    """Base of the kinds that compare W_v v with W_t t (equation 24)."""

    def __init__(self, dimension: int) -> None:
        super().__init__(dimension)
        self.of_image = nn.Linear(dimension, dimension)
        self.of_text = nn.Linear(dimension, dimension)

    def of_images(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return W_v v."""
        return (self.of_image(images),)

    def of_texts(self, texts: Tensor) -> tuple[Tensor, ...]:
        """Return W_t t."""
        return (self.of_text(texts),)


class SimilarityAttention(MappedAttention):
    """F_t = sigmoid(cos(W_v v, W_t t)) * (W_t t), as in equations 24 and 25.

    The sigmoid is one positive number per pair. It cancels in the cosine score, so W_t is the
    only part of this attention that affects scores.
    """

    def combine(self, image: Sequence[Tensor], text: Sequence[Tensor]) -> Tensor:
        """Scale the mapped text by its similarity with the image."""
        similarity = torch.cosine_similarity(image[0], text[0], dim=-1, eps=EPSILON)
        return torch.sigmoid(similarity)[..., None] * text[0]

    def direction(self, texts: Tensor) -> Tensor | None:
        """Return the mapped text, without the positive factor."""
        mapped: Tensor = self.of_text(texts)
        return mapped

    def scorer(self, images: Tensor) -> Scorer:
        """Return the cosine with the mapped text; the positive factor cancels."""
        cosine = cosine_scorer(images)
        return lambda texts: cosine(self.of_text(texts))


class ElementwiseAttention(MappedAttention):
    """F_t = sigmoid(W_v v * W_t t) * (W_t t): "similarity" as in the public code."""

    def combine(self, image: Sequence[Tensor], text: Sequence[Tensor]) -> Tensor:
        """Gate the mapped text elementwise."""
        return torch.sigmoid(image[0] * text[0]) * text[0]


KINDS: dict[str, type[Attention]] = {
    "none": NoAttention,
    "soft": SoftAttention,
    "fusion": FusionAttention,
    "similarity": SimilarityAttention,
    "elementwise": ElementwiseAttention,
}


def make_attention(kind: str, dimension: int) -> Attention:
    """Return the attention of a kind: a built-in one, or one of another package.

    Raises:
        RsitmdError: That of another package cannot be loaded or made.
    """
    if kind in KINDS:
        return KINDS[kind](dimension)
    with calling(f"attention {kind}", package_of(ATTENTION, kind)):
        attention = load_plugin(ATTENTION, kind)(dimension)
        if not isinstance(attention, Attention):
            raise TypeError(f"{type(attention).__name__} is not an Attention")
        return attention
