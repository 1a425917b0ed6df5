"""N104: an annotator who writes by one template."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rsitmd_tools.quality.annotators import by_annotator
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject

WORDS = 3


@rule("N104", "one-template", "warning")
def one_template(subject: Subject) -> Iterator[Violation]:
    """Most of an annotator's sentences begin with the same three words.

    The share is more than `annotator_template` (0.8). "There is a ..." with another noun each time
    is a label, and the different wordings of five annotators (labelling principle 3) are lost.

    Bad:
        "This is a ..." in 95 of 100 sentences
    Good:
        sentences that begin with what the image shows
    Fix:
        Show the annotator good examples.
    """
    for person, sentences in by_annotator(subject).items():
        heads = Counter(sentence.words[:WORDS] for sentence in sentences)
        head, count = heads.most_common(1)[0]
        if count > subject.thresholds.annotator_template * len(sentences):
            said = " ".join(head)
            yield Violation(f"{person}: {count} of {len(sentences)} sentences begin with {said!r}")
