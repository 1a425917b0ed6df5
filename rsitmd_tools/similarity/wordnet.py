"""Synonyms from the WordNet of NLTK's data, if it is installed."""

from __future__ import annotations

from typing import Any

from rsitmd_tools.similarity.meteor import Synonyms


def installed_synonyms() -> Synonyms | None:
    """Return the synonyms of the installed WordNet, or None if it is not installed."""
    from nltk.corpus import wordnet

    try:
        wordnet.ensure_loaded()
    except LookupError:
        return None
    return synonyms_of(wordnet)


def synonyms_of(wordnet: Any) -> Synonyms:
    """Return a function from a word to its synonyms, as NLTK's METEOR uses them.

    Args:
        wordnet: NLTK's reader of a WordNet, or an object with the same ``synsets(word)``.
    """

    def synonyms(word: str) -> set[str]:
        return {
            lemma.name()
            for synset in wordnet.synsets(word)
            for lemma in synset.lemmas()
            if "_" not in lemma.name()
        }

    return synonyms
