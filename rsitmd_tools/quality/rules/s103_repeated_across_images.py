"""S103: the same sentence for several images."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("S103", "repeated-across-images", "warning")
def repeated_across_images(subject: Subject) -> Iterator[Violation]:
    """Several images have the same sentence.

    It describes none of them precisely, and retrieval cannot distinguish these images
    (labelling principle 1). Most sentences of UCM-captions are repeated. The rule reports each
    sentence but the first.

    Bad:
        There is a piece of farmland.

        There is a piece of farmland.
    Good:
        A dirt road cuts the brown farmland into two halves.

        Seven green fields lie in a row beside the river.
    Fix:
        Rewrite it so that it describes only this image.
    """
    first: dict[str, str] = {}
    for sentence in subject.sentences:
        name = sentence.image.filename
        earlier = first.setdefault(sentence.folded, name)
        if earlier != name:
            yield Violation(f"also used for {earlier}", sentence.image, sentence.index)
