"""What the prior is measured against: the definition in plain NLTK, and in good Python.

Used by prior.py; nothing is measured here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from nltk.tokenize.destructive import NLTKWordTokenizer

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.text.tokens import stem, stop_words, tokenize

STOP = stop_words()
TOKENIZER = NLTKWordTokenizer()


def pairwise(references: Sequence[str], caption: str) -> float:
    """The public script's definition, pair by pair, with NLTK: a plain transcription."""
    from nltk.stem.porter import PorterStemmer
    from nltk.translate.bleu_score import sentence_bleu

    stemmer = PorterStemmer()

    def stemmed(text: str) -> list[str]:
        return [str(stemmer.stem(token.lower())) for token in TOKENIZER.tokenize(text)]

    own, refs = stemmed(caption), [stemmed(text) for text in references]
    first = 1.0 if own in refs else sentence_bleu(refs, own)
    left = {word for word in own if word not in STOP}
    scores = []
    for ref in refs:
        words = [word for word in ref if word not in STOP]
        if words:
            scores.append(sum(word in left for word in set(words)) / len(words))
    return float(first + (sum(scores) / len(scores) if scores else math.nan)) / 2


class GoodPython:
    """The same with counters and sets kept, each text seen once; one process."""

    def __init__(self, data: Dataset) -> None:
        every = [stem_all(caption) for caption in data.captions()]
        self.grams = [[Counter(grams(words, n)) for n in range(1, 5)] for words in every]
        self.lengths = [len(words) for words in every]
        self.words = [tuple(words) for words in every]
        self.left = [frozenset(w for w in words if w not in STOP) for words in every]
        self.counts = [sum(w not in STOP for w in words) for words in every]
        at = 0
        self.own: list[range] = []
        for image in data:
            self.own.append(range(at, at + len(image.sentences)))
            at += len(image.sentences)

    def row(self, image: int, captions: Sequence[int]) -> list[float]:
        """Return the similarities of one image with some captions."""
        own = self.own[image]
        texts = {self.words[r] for r in own}
        most = [Counter[tuple[str, ...]]() for _ in range(4)]
        for r in own:
            for total, counts in zip(most, self.grams[r], strict=True):
                total |= counts
        lengths = [self.lengths[r] for r in own]
        spoken = [(self.left[r], self.counts[r]) for r in own if self.counts[r]]
        return [self._pair(c, texts, most, lengths, spoken) for c in captions]

    def _pair(
        self,
        caption: int,
        texts: set[tuple[str, ...]],
        most: list[Counter[tuple[str, ...]]],
        lengths: list[int],
        spoken: list[tuple[frozenset[str], int]],
    ) -> float:
        first = 1.0 if self.words[caption] in texts else 0.0
        if not first:
            product, n = 1.0, self.lengths[caption]
            for order in (3, 2, 1, 0):
                counts, clip = self.grams[caption][order], most[order]
                match = sum(min(k, clip[g]) for g, k in counts.items() if g in clip)
                if not match:
                    product = 0.0
                    break
                product *= match / (n - order)
            if product:
                closest = min(lengths, key=lambda r: (abs(r - n), r))
                first = product**0.25 * (1.0 if n > closest else math.exp(1 - closest / n))
        if not spoken:
            return math.nan
        left = self.left[caption]
        return (first + sum(len(v & left) / k for v, k in spoken) / len(spoken)) / 2


def stem_all(text: str) -> list[str]:
    """Return the stems of a text."""
    return [stem(token) for token in tokenize(text)]


def grams(words: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """Return the n-grams of a list of words."""
    return [tuple(words[k : k + size]) for k in range(len(words) - size + 1)]
