"""L109: a test caption that is also in val."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("L109", "caption-in-val-and-test", "info")
def caption_in_val_and_test(subject: Subject) -> Iterator[Violation]:
    """A caption of test is also in val, word for word.

    The model with the best results on val is chosen, so a caption that val and test share favours
    it. That is less than to learn the caption, which `caption-across-splits` reports. Case and
    white space are ignored.

    Bad:
        val/port_1.tif
        There is a piece of farmland.

        test/port_2.tif
        There is a  piece of farmland.
    Good:
        val/port_1.tif
        There is a piece of farmland.

        test/port_2.tif
        Seven green fields lie in a row.
    Fix:
        Rewrite one of both captions so that it describes only its image.
    """
    known: dict[str, str] = {}
    for sentence in subject.sentences:
        if sentence.image.split == "val":
            known.setdefault(sentence.folded, sentence.image.filename)
    for sentence in subject.sentences:
        if sentence.image.split == "test" and sentence.folded in known:
            where = known[sentence.folded]
            yield Violation(f"also used for {where} in val", sentence.image, sentence.index)
