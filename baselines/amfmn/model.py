"""AMFMN: multiscale features, MVSA, sentence and keywords, attention, fusion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from rsitmd_tools.baselines.amfmn.attention import (
    Attention,
    Pairs,
    cosine_of_pairs,
    make_attention,
)
from rsitmd_tools.baselines.amfmn.fusion import FUSIONS
from rsitmd_tools.baselines.amfmn.keywords import KeywordEncoder
from rsitmd_tools.baselines.amfmn.mvsa import MVSA
from rsitmd_tools.baselines.amfmn.visual import GlobalFeature
from rsitmd_tools.baselines.backbone import make_backbone
from rsitmd_tools.baselines.base import EPSILON, RetrievalModel, Scorer, Texts, in_tiles
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.sentence_vectors import VectorHead
from rsitmd_tools.baselines.text import SentenceEncoder


class AMFMN(RetrievalModel):
    """AMFMN, including all rows of table VI: the configuration selects the modules.

    Yuan et al., "Exploring a Fine-Grained Multiscale Method for Cross-Modal Remote
    Sensing Image Retrieval", IEEE TGRS 60, 2021.

    An encoded image is F_v (or v(g) without ``multiscale``), ``(N, d)``. An encoded text is
    s(g) or k(g), ``(M, d)``, or both concatenated, ``(M, 2d)``.
    """

    image_parts = ("backbone", "visual", "mvsa")

    def __init__(self, config: Config, words: int, vectors: int = 0) -> None:
        super().__init__()
        d = config.dimension
        self.backbone = make_backbone(config.backbone, config.weights, config.image_size)
        self.visual = GlobalFeature(self.backbone.channels[-1], d, config.dropout)
        self.mvsa = MVSA(self.backbone.channels, d) if config.multiscale else None
        self.sentence = SentenceEncoder(words, config.word_dimension, d, config.dropout)
        self.vectors = VectorHead(vectors, d, config.dropout) if vectors else None
        both = config.text in FUSIONS
        self.keywords = (
            KeywordEncoder(self.sentence, d) if both or config.text == "keywords" else None
        )
        # Applied to the sentence, or to the keywords if the text is keywords only.
        self.attention = make_attention(config.attention, d)
        self.attention_of_keywords = make_attention(config.attention, d) if both else None
        self.fusion = FUSIONS[config.text](d) if both else None

    def frozen_part(self) -> nn.Module:
        """Return the backbone."""
        return self.backbone

    def features_kind(self) -> str:
        """Name all stages of the backbone, or the pooled last stage."""
        return f"{'pooled' if self.mvsa is None else 'stages'} {self.backbone.name}"

    def features(self, images: Tensor) -> list[Tensor]:
        """Return the maps of the four stages; without multiscale, the pooled last stage."""
        maps: list[Tensor] = self.backbone(images)
        return maps if self.mvsa is not None else [maps[-1].mean((2, 3))]

    def encode_features(self, features: Sequence[Tensor]) -> Tensor:
        """Return F_v, or v(g) without multiscale."""
        if self.mvsa is None:
            overall: Tensor = self.visual(features[0])
            return overall
        salient: Tensor = self.mvsa(features, self.visual(features[-1].mean((2, 3))))
        return salient

    def saliency(self, images: Tensor) -> Tensor | None:
        """Return MVSA's gated map ``(B, 1, 16, 16)`` (figure 10); None without multiscale."""
        return None if self.mvsa is None else self.mvsa.saliency(self.features(images))

    def encode_texts(self, texts: Texts) -> Tensor:
        """Return s(g), k(g), or both concatenated."""
        if self.keywords is None:
            return self._sentences(texts)
        keywords: Tensor = self.keywords(texts.keywords, texts.keyword_lengths)
        if self.fusion is None:
            return keywords
        return torch.cat([self._sentences(texts), keywords], 1)

    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Return the cosine of F_v and F_t for all pairs."""
        if self.fusion is None or self.attention_of_keywords is None:
            scores: Tensor = self.attention(images, texts)
            return scores
        return score_fused(images, texts, self.attention, self.attention_of_keywords, self.fusion)

    def scorer(self, images: Tensor) -> Scorer:
        """Return :meth:`score` as a function of the texts; image parts are computed once."""
        if self.fusion is None or self.attention_of_keywords is None:
            return self.attention.scorer(images)
        return fused_scorer(images, self.attention, self.attention_of_keywords, self.fusion)

    def _sentences(self, texts: Texts) -> Tensor:
        encoded: Tensor = self.sentence(texts.words, texts.lengths)
        return encoded if self.vectors is None else encoded + self.vectors(texts.vectors)


def score_fused(
    images: Tensor,
    texts: Tensor,
    attention: Attention,
    attention_of_keywords: Attention,
    fusion: nn.Module,
) -> Tensor:
    """Score images with texts whose guided sentence and guided keywords are fused.

    Args:
        images: ``(N, d)``.
        texts: ``(M, 2d)``, sentences and keywords concatenated.
        attention: Attention of the sentences.
        attention_of_keywords: Attention of the keywords.
        fusion: VGMF or a weighted sum.

    Returns:
        ``(N, M)`` scores.
    """
    return fused_scorer(images, attention, attention_of_keywords, fusion)(texts)


def fused_scorer(
    images: Tensor, attention: Attention, attention_of_keywords: Attention, fusion: nn.Module
) -> Scorer:
    """Return :func:`score_fused` as a function of the texts; image parts are computed once.

    If the direction of both guided texts does not depend on the image, neither does F_t,
    because the fusion normalises them. Otherwise F_t is computed for all pairs in tiles.
    """
    unit = normalize(images, dim=-1, eps=EPSILON)

    @cache
    def guided_by() -> tuple[Callable[[Tensor], Pairs], Callable[[Tensor], Pairs]]:
        return attention.pairs_with(images), attention_of_keywords.pairs_with(images)

    def score(texts: Tensor) -> Tensor:
        sentences, keywords = texts.chunk(2, dim=-1)
        known = keywords.ne(0).any(-1, keepdim=True)
        one, other = attention.direction(sentences), attention_of_keywords.direction(keywords)
        if one is not None and other is not None:
            return unit @ normalize(fusion(one, other, known), dim=-1, eps=EPSILON).T
        of_sentences, of_keywords = guided_by()
        guided_sentences, guided_keywords = of_sentences(sentences), of_keywords(keywords)

        def of_tile(rows: slice, columns: slice) -> Tensor:
            guided = guided_sentences(rows, columns), guided_keywords(rows, columns)
            return cosine_of_pairs(unit[rows], fusion(*guided, known[columns]))

        return in_tiles(of_tile, images, len(texts), texts.shape[1])

    return score
