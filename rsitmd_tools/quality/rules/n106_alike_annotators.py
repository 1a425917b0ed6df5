"""N106: two annotators with nearly the same sentence on one image."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.quality.texts import jaccard


@rule("N106", "alike-annotators", "warning")
def alike_annotators(subject: Subject) -> Iterator[Violation]:
    """Two annotators wrote nearly the same sentence on one image.

    They share at least `annotator_likeness` (0.8) of their words. People who look at the same
    picture rarely choose the same ten words: one of them saw the other's sentence.

    Bad:
        "Two white boats lie beside the long grey pier of the port." by one,
        "Two white boats lie beside a long grey pier of the port." by another
    Good:
        "Two boats lie at the grey pier." by one, "A red ship and a white one." by another
    Fix:
        Ask them; send the later one back.
    """
    for image, sentences in subject.sentences_of:
        for first, second in combinations(sentences, 2):
            one = image.sentences[first.index].annotator
            other = image.sentences[second.index].annotator
            if one is None or other is None or one == other:
                continue
            likeness = jaccard(first.words, second.words)
            if likeness >= subject.thresholds.annotator_likeness:
                name = subject.name(image, first.index)
                told = f"{other} and {one} share {likeness:.0%} of their words"
                told += f" ({name.phrase})" if name.several else ""
                yield Violation(told, image, second.index)
