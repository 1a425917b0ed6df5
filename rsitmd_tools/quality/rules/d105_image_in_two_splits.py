"""D105: one image in two splits."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("D105", "image-in-two-splits", "error")
def image_in_two_splits(subject: Subject) -> Iterator[Violation]:
    """The same file name is in two splits.

    The model is tested on an image it was trained on. Rules of the family L find the same
    picture under two names.

    Bad:
        "port_1.tif" in train and in test
    Good:
        each name in one split
    Fix:
        Keep it in one split, preferably not in train.
    """
    first: dict[str, str | None] = {}
    for image in subject.dataset:
        split = first.setdefault(image.filename, image.split)
        if split != image.split:
            yield Violation(f"also in split {split}", image)
