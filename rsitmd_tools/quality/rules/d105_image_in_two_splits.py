"""D105: one image in two splits."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("D105", "image-in-two-splits", "error")
def image_in_two_splits(subject: Subject) -> Iterator[Violation]:
    """The same file name stands in two splits.

    A model is then tested on what it was trained on. The same picture under two names is
    found by the rules of family L.

    Bad:
        "port_1.tif" in train and in test
    Good:
        each name in one split
    Fix:
        Take it out of all splits but one, best out of train.
    """
    first: dict[str, str | None] = {}
    for image in subject.dataset:
        split = first.setdefault(image.filename, image.split)
        if split != image.split:
            yield Violation(f"is in split {split} too", image)
