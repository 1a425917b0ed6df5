"""Words as numbers, and the bidirectional GRU over them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rsitmd_tools.atomic import write_json
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.similarity.tokens import tokenize

PADDING = 0
UNKNOWN = 1
MAX_WORDS = 100


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words known from training, in order; numbers 0 and 1 are padding and unknown."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, captions: Iterable[str]) -> Vocabulary:
        """Collect the lower-cased words of captions, sorted."""
        return cls(tuple(sorted({word for raw in captions for word in _words(raw)})))

    @classmethod
    def load(cls, file: Path) -> Vocabulary:
        """Read a vocabulary.

        Raises:
            RsitmdError: The file is absent or malformed.
        """
        try:
            words = json.loads(file.read_text(encoding="utf-8"))["words"]
            return cls(tuple(str(word) for word in words))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RsitmdError(
                f"is no vocabulary ({reason(error)})", where=file, mend="train the run again"
            ) from error

    def save(self, file: Path) -> None:
        """Write the vocabulary as JSON."""
        write_json(file, {"words": list(self.words)})

    def __len__(self) -> int:
        return len(self.words) + 2

    def encode(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return ``(B, L)`` numbers, padded, and ``(B,)`` lengths; at least one word each."""
        number = {word: index for index, word in enumerate(self.words, 2)}
        rows = [
            [number.get(word, UNKNOWN) for word in _words(raw)[:MAX_WORDS]] or [UNKNOWN]
            for raw in captions
        ]
        lengths = torch.tensor([len(row) for row in rows])
        padded = torch.full((len(rows), int(lengths.max())), PADDING)
        for index, row in enumerate(rows):
            padded[index, : len(row)] = torch.tensor(row)
        return padded, lengths


class SentenceEncoder(nn.Module):
    """Words to one vector by a bidirectional GRU (equations 10 to 12).

    The state at each step is the mean of both directions; the sentence is the mean over
    the steps, padding excluded.
    """

    def __init__(self, words: int, word_dimension: int, dimension: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, word_dimension, padding_idx=PADDING)
        self.gru = nn.GRU(word_dimension, dimension, batch_first=True, bidirectional=True)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Map ``(B, L)`` words and ``(B,)`` lengths to ``(B, d)``."""
        packed = pack_padded_sequence(
            self.embedding(words), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        forward, backward = states.chunk(2, dim=-1)
        # Padded steps are zero after unpacking: the sum runs over the words alone.
        mean: Tensor = ((forward + backward) / 2).sum(1) / lengths[:, None].to(states)
        return mean


def _words(raw: str) -> list[str]:
    return [token.lower() for token in tokenize(raw)]
