"""Tokens as NLTK's ``word_tokenize`` gives them, without any downloaded data.

``word_tokenize`` first splits a text into sentences (by the Punkt data, which would have
to be downloaded), then splits each into words by Treebank rules. On captions one rule
does the work of Punkt: *a sentence ends at '.', '?' or '!' before white space, unless the
word it ends is an abbreviation such as "Mr."*. With it the tokens of all 33 165 caption
lines of RSITMD and UCM-captions (train) equal NLTK's.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nltk.stem.porter import PorterStemmer
    from nltk.tokenize.destructive import NLTKWordTokenizer

_ABBREVIATIONS = ("Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Mt", "Jr", "Sr", "vs", "No")
_SENTENCE_END = re.compile(
    "".join(rf"(?<!\b{word}\.)" for word in _ABBREVIATIONS) + r"(?<=[.?!])\s+"
)


def tokenize(text: str) -> list[str]:
    """Split a text into tokens as NLTK's ``word_tokenize`` does, case kept."""
    words = _word_tokenizer()
    return [
        token
        for sentence in _SENTENCE_END.split(text.strip())
        for token in words.tokenize(sentence)
    ]


@functools.lru_cache(maxsize=200_000)
def stem(token: str) -> str:
    """Return the Porter stem of a lower-cased token (NLTK's extensions)."""
    stemmed: str = _stemmer().stem(token.lower())
    return stemmed


def stems(text: str) -> tuple[str, ...]:
    """Return the stems of a text's tokens."""
    return tuple(stem(token) for token in tokenize(text))


@functools.cache
def stop_words() -> frozenset[str]:
    """Return NLTK's English stop words with ',' and '.'.

    Source: the corpus ``stopwords/english`` of NLTK's data. The public script removes
    them *after* stemming, so that "this", stemmed to "thi", stays.
    """
    file = importlib.resources.files(__package__) / "stopwords_english.txt"
    return frozenset(file.read_text(encoding="utf-8").split()) | {",", "."}


@functools.cache
def _word_tokenizer() -> NLTKWordTokenizer:
    from nltk.tokenize.destructive import NLTKWordTokenizer

    return NLTKWordTokenizer()


@functools.cache
def _stemmer() -> PorterStemmer:
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()
