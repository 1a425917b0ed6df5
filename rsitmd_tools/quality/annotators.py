"""Sentences by annotator."""

from __future__ import annotations

from collections import defaultdict

from rsitmd_tools.quality.records import Written
from rsitmd_tools.quality.subject import Subject


def by_annotator(subject: Subject) -> dict[str, list[Written]]:
    """Return the sentences of each annotator with enough of them for statistics."""
    found: dict[str, list[Written]] = defaultdict(list)
    for sentence in subject.sentences:
        annotator = sentence.image.sentences[sentence.index].annotator
        if annotator is not None:
            found[annotator].append(sentence)
    least = subject.thresholds.annotator_sentences
    return {
        annotator: sentences
        for annotator, sentences in sorted(found.items())
        if len(sentences) >= least
    }
