"""The words that mattered: how a score changes if one word or keyword is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.evaluation.search import Searcher
from rsitmd_tools.baselines.evaluation.text_query import TextQuery, composed

MOST = 100  # words and keywords that are left out
LEVELS = 4  # shades of a word, in each direction
FLAT = 1e-6  # a smaller change, in single precision, is rounding


@dataclass(frozen=True)
class Attribution:
    """The effect of each word on some images.

    Attributes:
        words: The P words and keywords, in order.
        effects: ``(n, P) float32``: the score with all words minus the score without this one.
        more: How many words were not tried.
    """

    words: tuple[str, ...]
    effects: npt.NDArray[np.float32]
    more: int = 0

    def means(self) -> list[tuple[str, float, int]]:
        """Return each word with its mean effect and a level from ``-LEVELS`` to ``LEVELS``."""
        mean = self.effects.mean(axis=0) if len(self.effects) else np.zeros(len(self.words))
        return [
            (word, float(value), level)
            for word, value, level in zip(self.words, mean, levels(mean), strict=True)
        ]

    def strongest(self, row: int, count: int = 3) -> list[tuple[str, float]]:
        """Return the words that raised the score of an image most, the strongest first."""
        values = self.effects[row]
        order = np.argsort(-values, kind="stable")[:count].tolist()
        return [(self.words[n], float(values[n])) for n in order if values[n] > FLAT]


def levels(values: npt.NDArray[np.floating]) -> list[int]:
    """Return how strong each value is, relative to the strongest: ``-LEVELS`` to ``LEVELS``."""
    most = float(np.abs(values).max(initial=0))
    if most <= FLAT:
        return [0] * len(values)
    return [round(value / most * LEVELS) for value in values.tolist()]


def attribution(searcher: Searcher, query: TextQuery, rows: Sequence[int]) -> Attribution:
    """Leave out one word or keyword after another.

    Args:
        searcher: The run and the images.
        query: The query.
        rows: Indices of the images.
    """
    words, keywords = query.sentence.split(), query.keywords
    pieces = (*words, *keywords)[:MOST]
    without = [_without(words, keywords, number, searcher.reads) for number in range(len(pieces))]
    scores = searcher.row_scores(rows, [query, *without])
    return Attribution(
        pieces, scores[:, :1] - scores[:, 1:], len(words) + len(keywords) - len(pieces)
    )


def _without(words: list[str], keywords: tuple[str, ...], number: int, reads: str) -> TextQuery:
    if number < len(words):
        return composed(" ".join([*words[:number], *words[number + 1 :]]), keywords, reads)
    number -= len(words)
    return composed(" ".join(words), (*keywords[:number], *keywords[number + 1 :]), reads)
