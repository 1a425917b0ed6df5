"""Sentences by the people who wrote them."""

from __future__ import annotations

from collections import defaultdict

from rsitmd_tools.quality.records import Written
from rsitmd_tools.quality.subject import Subject


def by_annotator(subject: Subject) -> dict[str, list[Written]]:
    """Return the sentences of each annotator who has written enough to be judged."""
    found: dict[str, list[Written]] = defaultdict(list)
    for sentence in subject.sentences:
        person = sentence.image.sentences[sentence.index].annotator
        if person is not None:
            found[person].append(sentence)
    least = subject.thresholds.annotator_sentences
    return {
        person: sentences for person, sentences in sorted(found.items()) if len(sentences) >= least
    }
