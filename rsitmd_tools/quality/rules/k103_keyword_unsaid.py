"""K103: a keyword whose object no sentence names."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.quality.texts import singular, split_words


@rule("K103", "keyword-unsaid", "info")
def keyword_unsaid(subject: Subject) -> Iterator[Violation]:
    """No sentence of the image names the object of a keyword.

    The keyword belongs to another image, or the sentences omit something important.
    Singular and plural, and the words of the list `synonyms`, count as the same object.

    Bad:
        Two boats lie at the pier.
        keywords: green forest
    Good:
        Two ships lie at the pier.
        keywords: red boat
    Fix:
        Correct the keyword, or name its object in a sentence.
    """
    for image, sentences in subject.sentences_of:
        said = {form for s in sentences for word in s.words for form in (word, singular(word))}
        for keyword in image.keywords:
            words = split_words(keyword)
            if words and said and not _is_said(words[-1], said, subject):
                yield Violation(f"no sentence names the object of keyword {keyword!r}", image)


def _is_said(name: str, said: set[str], subject: Subject) -> bool:
    names = {name, singular(name)}
    for word in tuple(names):
        names.update(subject.lists.synonyms.get(word, ()))
    return any(said.issuperset(other.split()) for other in names)
