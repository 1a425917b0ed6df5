"""A query of a sentence, keywords or both, as a model reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rsitmd_tools.errors import WrongUsage


@dataclass(frozen=True, slots=True)
class TextQuery:
    """A query as a model reads it.

    Attributes:
        sentence: The sentence that is used; empty if the model ignores it.
        keywords: The keywords, without blank ones.
        caption: What is encoded as the sentence.
        joined: Sentence and keywords, whose words the tokenizer reports on.
        notes: What a user should know of the composition.
    """

    sentence: str
    keywords: tuple[str, ...]
    caption: str
    joined: str
    notes: tuple[str, ...] = ()


def text_query(sentence: str, keywords: Sequence[str], reads: str) -> TextQuery:
    """Compose a query.

    A model that reads only sentences reads the keywords at the end of the sentence, and one that
    reads only keywords ignores the sentence.

    Args:
        sentence: The sentence, or a blank text.
        keywords: The keywords; blank ones are left out.
        reads: What the model reads: ``sentence``, ``keywords`` or ``both``.

    Raises:
        WrongUsage: Sentence and keywords are blank.
    """
    given = tuple(keyword.strip() for keyword in keywords if keyword.strip())
    sentence = sentence.strip()
    if not sentence and not given:
        raise WrongUsage("the query is empty", hint="set one with --text or --keywords")
    notes = []
    if given and sentence and reads == "sentence":
        notes.append("the model reads sentences only: the keywords are added to the sentence")
    if given and sentence and reads == "keywords":
        notes.append("the model reads keywords only: the sentence is not used")
        sentence = ""
    return composed(sentence, given, reads, tuple(notes))


def composed(
    sentence: str, keywords: tuple[str, ...], reads: str, notes: tuple[str, ...] = ()
) -> TextQuery:
    """Compose a query without any check: sentence and keywords may be empty.

    Args:
        sentence: The sentence.
        keywords: The keywords.
        reads: What the model reads.
        notes: Notes of the query.
    """
    joined = " ".join([sentence, *keywords]).strip()
    caption = sentence if sentence and reads == "both" else joined
    return TextQuery(sentence, keywords, caption, joined, notes)
