"""N102: an annotator who copies sentences from image to image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rsitmd_tools.quality.annotators import by_annotator
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("N102", "copied-sentences", "warning")
def copied_sentences(subject: Subject) -> Iterator[Violation]:
    """More than `annotator_copies` (a fifth) of an annotator's sentences are copies.

    A sentence is a copy if any annotator has written it for an earlier image.

    Bad:
        "There are many trees." by one annotator for 40 images
    Good:
        a new sentence for each image
    Fix:
        Talk to the annotator; send the copies back.
    """
    firsts: dict[str, str] = {}
    copies: Counter[str] = Counter()
    for sentence in subject.sentences:
        person = sentence.image.sentences[sentence.index].annotator
        name = sentence.image.filename
        if firsts.setdefault(sentence.folded, name) != name and person is not None:
            copies[person] += 1
    for person, sentences in by_annotator(subject).items():
        if copies[person] > subject.thresholds.annotator_copies * len(sentences):
            yield Violation(f"{person}: {copies[person]} of {len(sentences)} sentences are copies")
