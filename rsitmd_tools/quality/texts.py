"""Helpers for texts: words, normalised forms, similarity. All patterns are linear."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+")

# A "?" inside a word stands for a character that an encoding did not have: "roof?s". In an
# address it stands before parameters.
LOST_IN_WORD = re.compile(r"(?<![\w./-])[^\W\d_]+\?(?=[a-zß-ÿ])[^\W\d_]+(?![\w=&/])")


# Irregular plurals. No rule for the ending -ves: the singular of "groves" is "grove".
_PLURALS = {
    "axes": "axis", "calves": "calf", "children": "child", "cloverleaves": "cloverleaf",
    "feet": "foot", "fishermen": "fisherman", "geese": "goose", "halves": "half", "hooves": "hoof",
    "knives": "knife", "leaves": "leaf", "loaves": "loaf", "men": "man", "oxen": "ox",
    "policemen": "policeman", "scarves": "scarf", "shelves": "shelf", "wharves": "wharf",
    "wolves": "wolf", "women": "woman", "workmen": "workman",
}  # fmt: skip


# Several rules split the captions.
@functools.lru_cache(maxsize=1 << 16)
def split_words(text: str) -> tuple[str, ...]:
    """Return the lower-cased words and numbers of a text; accents are composed (NFC).

    ``"Two-storey house's roof, 9."`` gives ``two storey house's roof 9``.
    """
    return tuple(_WORD.findall(unicodedata.normalize("NFC", text).lower()))


def jaccard(left: Sequence[str], right: Sequence[str]) -> float:
    """Return the share of common words of two texts in [0, 1]; repeated words count."""
    first, second = Counter(left), Counter(right)
    common = (first & second).total()
    union = first.total() + second.total() - common
    return common / union if union else 0.0


def edit_distance(left: str, right: str) -> int:
    """Return the Levenshtein distance of two texts, in characters."""
    from nltk.metrics.distance import edit_distance as levenshtein

    return int(levenshtein(left, right))


@functools.lru_cache(maxsize=1 << 16)
def singular(word: str) -> str:
    """Return the singular of an English noun, if its plural is regular or common.

    For comparisons only: ``houses`` and ``house`` give ``house``.
    """
    if word in _PLURALS:
        return _PLURALS[word]
    for ending, instead in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word.removesuffix(ending) + instead
    if word.endswith("xes"):
        return word.removesuffix("es")
    # Potatoes, but not toes, canoes and shoes.
    if word.endswith("oes") and len(word) > 5 and not word.endswith(("canoes", "shoes")):
        return word.removesuffix("es")
    if word.endswith("buses"):  # also minibuses
        return word.removesuffix("es")
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        return word.removesuffix("s")
    return word
