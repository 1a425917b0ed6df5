"""L103: a test caption that is also in train."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("L103", "caption-across-splits", "warning")
def caption_across_splits(subject: Subject) -> Iterator[Violation]:
    """A caption of val or test is also in train, word for word.

    The model learned that the caption belongs to another image. Most test captions of
    UCM-captions are also in train. Captions that val and test share are reported by
    `caption-in-val-and-test`.

    Bad:
        train/port_1.tif
        There is a piece of farmland.

        test/port_2.tif
        There is a piece of farmland.
    Good:
        train/port_1.tif
        There is a piece of farmland.

        test/port_2.tif
        Seven green fields lie in a row.
    Fix:
        Rewrite the caption of the test image so that it describes only this image.
    """
    trained: dict[str, str] = {}
    for sentence in subject.sentences:
        if sentence.image.split == "train":
            trained.setdefault(sentence.folded, sentence.image.filename)
    for sentence in subject.sentences:
        if sentence.image.split not in (None, "train") and sentence.folded in trained:
            where = trained[sentence.folded]
            yield Violation(f"also used for {where} in train", sentence.image, sentence.index)
