"""N106: two annotators with nearly the same sentence for one image."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.quality.texts import jaccard


@rule("N106", "alike-annotators", "warning")
def alike_annotators(subject: Subject) -> Iterator[Violation]:
    """Two annotators wrote nearly the same sentence for one image.

    They share at least `annotator_likeness` (0.8) of their words. Two people rarely choose the
    same ten words: one of them probably saw the sentence of the other.

    Bad:
        "Two white boats lie beside the long grey pier of the port." by one,
        "Two white boats lie beside a long grey pier of the port." by another
    Good:
        "Two boats lie at the grey pier." by one, "A red ship and a white one." by another
    Fix:
        Ask them, or send the later sentence back.
    """
    for image, sentences in subject.sentences_of:
        for first, second in combinations(sentences, 2):
            one = image.sentences[first.index].annotator
            other = image.sentences[second.index].annotator
            if one is None or other is None or one == other:
                continue
            similarity = jaccard(first.words, second.words)
            if similarity >= subject.thresholds.annotator_likeness:
                name = subject.name(image, first.index)
                message = f"{other} and {one} share {similarity:.0%} of their words"
                message += f" ({name.phrase})" if name.several else ""
                yield Violation(message, image, second.index)
