"""The tokens of NLTK's ``word_tokenize``, without downloaded data.

``word_tokenize`` first splits a text into sentences with the Punkt data, which would have to be
downloaded, then splits each sentence into words with the Treebank rules. For captions, one rule
replaces Punkt: *a sentence ends at '.', '?' or '!' before white space, unless the last word is an
abbreviation such as "Mr."*. With this rule, the tokens of all 33 165 captions of RSITMD and
UCM-captions (train) are equal to those of NLTK.

A sentence of plain words, commas, possessives and a final period does not need the Treebank
rules. It is split directly, forty times as fast. NLTK's word tokenizer handles all others.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
import sys

from rsitmd_tools.text.nltk_parts import porter_stemmer, word_tokenizer

ABBREVIATIONS = ("Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Mt", "Jr", "Sr", "vs", "No")
_SENTENCE_END = re.compile(
    r"(?<=[.?!])" + "".join(rf"(?<!\b{word}\.)" for word in ABBREVIATIONS) + r"\s+"
)
_MAYBE_END = re.compile(r"[.?!]\s")
# Words, single dashes, commas outside numbers, possessives, and a final period.
_PLAIN = re.compile(
    r"(?:[A-Za-z0-9 ]++|-(?!-)|,(?![,0-9])|(?<=[A-Za-z0-9])'s(?![A-Za-z0-9'-]))*+\.?"
)
# The endings of cannot, gonna, wanna, gimme, lemme and gotta, which are split into two tokens.
_TWO_IN_ONE = re.compile(r"(?:nn(?:ot|a)|mme|tta)\b")


def tokenize(text: str) -> list[str]:
    """Split a text into tokens like NLTK's ``word_tokenize``; the case is kept."""
    return list(_tokens(text))


# A release tokenizes its captions for the file, for the prior and for the statistics.
@functools.lru_cache(maxsize=1 << 16)
def _tokens(text: str) -> tuple[str, ...]:
    text = text.strip()
    # Most captions are one sentence. This pattern is found, or not found, several times as fast.
    sentences = _SENTENCE_END.split(text) if _MAYBE_END.search(text) else [text]
    return tuple(
        sys.intern(token) for sentence in sentences for token in _tokenize_sentence(sentence)
    )


@functools.lru_cache(maxsize=200_000)
def stem(token: str) -> str:
    """Return the Porter stem of a token, lower-cased (NLTK's extensions)."""
    stemmed: str = porter_stemmer().stem(token.lower())
    return stemmed


@functools.cache
def stop_words() -> frozenset[str]:
    """Return NLTK's English stop words, with ',' and '.'.

    Source: the corpus ``stopwords/english`` of NLTK's data, 179 words; the 19 contractions
    that later versions add ("he'd") are never a single token. The public script removes stop
    words *after* stemming, so that "this", stemmed to "thi", is kept.
    """
    file = importlib.resources.files(__package__) / "stopwords_english.txt"
    return frozenset(file.read_text(encoding="utf-8").split()) | {",", "."}


def _tokenize_sentence(sentence: str) -> list[str]:
    if not _PLAIN.fullmatch(sentence) or _has_two_in_one(sentence.lower()):
        tokens: list[str] = word_tokenizer().tokenize(sentence)
        return tokens
    if sentence.endswith(".") and len(sentence) > 1:
        sentence = sentence[:-1] + " ."
    return sentence.replace(",", " , ").replace("'s", " 's").split()


def _has_two_in_one(lower: str) -> bool:
    doubled = "nn" in lower or "mm" in lower or "tt" in lower
    return doubled and _TWO_IN_ONE.search(lower) is not None
