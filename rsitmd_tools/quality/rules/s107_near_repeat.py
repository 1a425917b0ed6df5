"""S107: a sentence that is nearly the same as another one."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.records import Written
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.text.near import nearest_earlier


@rule("S107", "near-repeat", "info")
def near_repeat(subject: Subject) -> Iterator[Violation]:
    """A sentence shares at least `near_repeat` (0.85) of its words with another one.

    Copies with one changed word add a caption but no description. Equal sentences are reported
    by `repeated-in-image` and `repeated-across-images`.

    Bad:
        A green football field lies in the middle of the red running track.
        A green football field lies in the middle of a red running track.
    Good:
        A green football field lies in the middle of the red running track.
        The oval track encloses a pitch with two white goals.
    Fix:
        Have a new sentence written.
    """
    first: dict[str, Written] = {}
    for sentence in subject.sentences:
        first.setdefault(sentence.folded, sentence)
    distinct = list(first.values())
    similarity = subject.thresholds.near_repeat
    earlier = nearest_earlier([sentence.words for sentence in distinct], similarity)
    for index, (other, share) in earlier.items():
        sentence, before = distinct[index], distinct[other]
        yield Violation(
            f"shares {share:.0%} of its words with"
            f" {subject.name(before.image, before.index).phrase} on {before.image.filename}",
            sentence.image,
            sentence.index,
        )
