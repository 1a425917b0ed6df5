"""The tokenizer of CLIP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import open_clip
import torch

from rsitmd_tools.atomic import write_json
from rsitmd_tools.baselines.base import Texts
from rsitmd_tools.dataset import Dataset

# The start and end tokens of a text.
SPECIAL_TOKENS = 2


class ClipTokenizer:
    """Byte-pair encoding of open_clip; its table is part of that package.

    Args:
        context: Context length in tokens; longer texts are truncated.
        query: ``sentence``, ``keywords`` (the keywords of the image, joined) or ``both`` (the
            sentence followed by the keywords).
    """

    def __init__(self, context: int, query: str = "sentence") -> None:
        self._tokenizer = open_clip.SimpleTokenizer(context_length=context)
        self._context = context
        self._query = query

    def __len__(self) -> int:
        size: int = self._tokenizer.vocab_size
        return size

    def save(self, file: Path) -> None:
        """Write the settings; the table itself is part of open_clip."""
        write_json(file, {"tokenizer": "open_clip", "context": self._context})

    def encode(
        self, captions: Sequence[str], keywords: Sequence[Sequence[str]] | None = None
    ) -> Texts:
        """Encode captions to ``(B, context)`` tokens; an empty caption is two special tokens."""
        known = keywords or [()] * len(captions)
        raw = [self._text(*pair) for pair in zip(captions, known, strict=True)]
        words = self._tokenizer(raw)
        lengths = torch.full((len(raw),), self._context)
        no_keywords = torch.zeros((len(raw), 1, 1), dtype=torch.int64)
        no_vectors = torch.zeros(len(raw), 0)
        return Texts(words, lengths, no_keywords, no_keywords[:, :, 0], no_vectors)

    def keywords_of(self, dataset: Dataset) -> list[tuple[str, ...]]:
        """Return, for each caption of the dataset, the keywords of its image."""
        return [image.keywords for image in dataset for _ in image.sentences]

    def unread(self, caption: str, keywords: Sequence[str] = ()) -> list[str]:
        """Report a truncated caption; with byte pairs, no word is unknown."""
        tokens, most = len(self._tokenizer.encode(caption)), self._context - SPECIAL_TOKENS
        if tokens <= most:
            return []
        return [f"the sentence has {tokens} CLIP tokens; only the first {most} are used"]

    def _text(self, caption: str, keywords: Sequence[str]) -> str:
        if self._query == "sentence" or not keywords:
            return caption
        joined = ", ".join(keywords)
        return joined if self._query == "keywords" else f"{caption} {joined}"
