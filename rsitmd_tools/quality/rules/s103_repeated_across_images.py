"""S103: the same sentence on several images."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("S103", "repeated-across-images", "warning")
def repeated_across_images(subject: Subject) -> Iterator[Violation]:
    """A sentence stands on several images.

    It then describes none of them: in UCM-captions most sentences do so, and retrieval
    cannot tell those images apart (principle 1). Every place but the first is reported.

    Bad:
        There is a piece of farmland.

        There is a piece of farmland.
    Good:
        A dirt road cuts the brown farmland into two halves.

        Seven green fields lie in a row beside the river.
    Fix:
        Have it written so that it names what only this image shows.
    """
    first: dict[str, str] = {}
    for sentence in subject.sentences:
        name = sentence.image.filename
        earlier = first.setdefault(sentence.folded, name)
        if earlier != name:
            yield Violation(f"stands on {earlier} too", sentence.image, sentence.index)
