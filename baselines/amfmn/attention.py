"""Visual-guided attention and the score it gives (equations 20 to 25).

Each kind guides a text t by an image v to F_t and scores the pair by cos(v, F_t). A
module computes the scores of all pairs without a tensor images x texts x d where algebra
allows it, in blocks of bounded size where it does not.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from rsitmd_tools.baselines.base import EPSILON, cosine_matrix

# Elements of the largest images x texts x d tensor an evaluation makes (64 MB in float32).
BLOCK_ELEMENTS = 16_000_000


class Attention(nn.Module):
    """A kind of visual-guided attention."""

    def guided(self, image: Tensor, text: Tensor) -> Tensor:
        """Return F_t of pairs side by side: ``(..., d)`` and ``(..., d)`` to ``(..., d)``."""
        raise NotImplementedError

    def forward(self, images: Tensor, texts: Tensor) -> Tensor:
        """Score all pairs, block by block: ``(N, d)`` and ``(M, d)`` to ``(N, M)``."""
        rows = max(1, BLOCK_ELEMENTS // max(1, texts.numel()))
        return torch.cat([self._block(block, texts) for block in images.split(rows)])

    def _block(self, images: Tensor, texts: Tensor) -> Tensor:
        guided = self.guided(images[:, None], texts[None])
        score: Tensor = (
            normalize(images, dim=-1, eps=EPSILON)[:, None] * normalize(guided, dim=-1, eps=EPSILON)
        ).sum(-1)
        return score


class SoftAttention(Attention):
    """F_t = sigmoid(W v) * t (equations 20, 21)."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.gate = nn.Linear(dimension, dimension)

    def guided(self, image: Tensor, text: Tensor) -> Tensor:
        """Gate the text by the image."""
        gated: Tensor = torch.sigmoid(self.gate(image)) * text
        return gated

    def forward(self, images: Tensor, texts: Tensor) -> Tensor:
        """With g = sigmoid(W v): sum(v g t) and |g t|^2 are two matrix products."""
        gate = torch.sigmoid(self.gate(images))
        product = (normalize(images, dim=-1, eps=EPSILON) * gate) @ texts.T
        length = ((gate * gate) @ (texts * texts).T).clamp_min(EPSILON**2).sqrt()
        return product / length


class FusionAttention(Attention):
    """F_t = (A [v; t]) * sigmoid(B [v; t]) (equations 22, 23)."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.content_of_image = nn.Linear(dimension, dimension)
        self.content_of_text = nn.Linear(dimension, dimension, bias=False)
        self.gate_of_image = nn.Linear(dimension, dimension)
        self.gate_of_text = nn.Linear(dimension, dimension, bias=False)

    def guided(self, image: Tensor, text: Tensor) -> Tensor:
        """Fuse both; A [v; t] is the sum of a part of v and a part of t."""
        content = self.content_of_image(image) + self.content_of_text(text)
        fused: Tensor = content * torch.sigmoid(self.gate_of_image(image) + self.gate_of_text(text))
        return fused


class SimilarityAttention(Attention):
    """F_t = sigmoid(cos(W_v v, W_t t)) * (W_t t), as the paper writes it (24, 25).

    The factor is one positive number a pair, and the cosine score of a pair is blind to
    it: all that remains of the guidance in the score is W_t.
    """

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.of_image = nn.Linear(dimension, dimension)
        self.of_text = nn.Linear(dimension, dimension)

    def guided(self, image: Tensor, text: Tensor) -> Tensor:
        """Scale the mapped text by its similarity with the image."""
        mapped = self.of_text(text)
        similarity = torch.cosine_similarity(
            *torch.broadcast_tensors(self.of_image(image), mapped), dim=-1, eps=EPSILON
        )
        return torch.sigmoid(similarity)[..., None] * mapped

    def forward(self, images: Tensor, texts: Tensor) -> Tensor:
        """Cosine with the mapped text: the positive factor cancels."""
        return cosine_matrix(images, self.of_text(texts))


class ElementwiseAttention(SimilarityAttention):
    """F_t = sigmoid(W_v v * W_t t) * (W_t t): the public code's reading of "similarity"."""

    def guided(self, image: Tensor, text: Tensor) -> Tensor:
        """Gate the mapped text element by element."""
        mapped = self.of_text(text)
        gated: Tensor = torch.sigmoid(self.of_image(image) * mapped) * mapped
        return gated

    def forward(self, images: Tensor, texts: Tensor) -> Tensor:
        """Score in blocks: here the factor differs by element."""
        return Attention.forward(self, images, texts)


KINDS: dict[str, type[Attention]] = {
    "soft": SoftAttention,
    "fusion": FusionAttention,
    "similarity": SimilarityAttention,
    "elementwise": ElementwiseAttention,
}


def make_attention(kind: str, dimension: int) -> Attention:
    """Return the attention of a kind."""
    return KINDS[kind](dimension)  # type: ignore[call-arg]
