"""The tokens of CLIP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import open_clip
import torch

from rsitmd_tools.atomic import write_json
from rsitmd_tools.baselines.base import Texts
from rsitmd_tools.dataset import Dataset

# One before a text, one behind it.
MARKS = 2


class ClipTokenizer:
    """Byte pairs of open_clip; its table comes with the package.

    Args:
        context: Tokens of a text; longer ones are cut.
        query: ``sentence``; ``keywords`` joins those of the image; ``both`` appends them.
    """

    def __init__(self, context: int, query: str = "sentence") -> None:
        self._tokenizer = open_clip.SimpleTokenizer(context_length=context)
        self._context = context
        self._query = query

    def __len__(self) -> int:
        size: int = self._tokenizer.vocab_size
        return size

    def save(self, file: Path) -> None:
        """Write what it is; the table itself comes with open_clip."""
        write_json(file, {"tokenizer": "open_clip", "context": self._context})

    def encode(
        self, captions: Sequence[str], keywords: Sequence[Sequence[str]] | None = None
    ) -> Texts:
        """Encode captions to ``(B, context)`` tokens; an empty one is its two end marks."""
        known = keywords or [()] * len(captions)
        raw = [self._text(one, own) for one, own in zip(captions, known, strict=True)]
        words = self._tokenizer(raw)
        lengths = torch.full((len(raw),), self._context)
        none = torch.zeros((len(raw), 1, 1), dtype=torch.int64)
        return Texts(words, lengths, none, none[:, :, 0])

    def keywords_of(self, dataset: Dataset) -> list[tuple[str, ...]]:
        """Return, for each caption of the dataset, the keywords of its image."""
        return [image.keywords for image in dataset for _ in image.sentences]

    def unread(self, caption: str) -> list[str]:
        """Say whether a caption is cut; byte pairs leave no word unknown."""
        tokens, most = len(self._tokenizer.encode(caption)), self._context - MARKS
        if tokens <= most:
            return []
        return [f"the sentence has {tokens} tokens of CLIP: the first {most} count"]

    def _text(self, caption: str, keywords: Sequence[str]) -> str:
        if self._query == "sentence" or not keywords:
            return caption
        joined = ", ".join(keywords)
        return joined if self._query == "keywords" else f"{caption} {joined}"
