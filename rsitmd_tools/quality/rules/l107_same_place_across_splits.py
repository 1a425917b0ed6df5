"""L107: overlapping ground in two splits."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("L107", "same-place-across-splits", "warning")
def same_place_across_splits(subject: Subject) -> Iterator[Violation]:
    """An image shows ground that an image in another split shows too.

    The images are shifted, zoomed, rotated or from another date; their keypoints or their pixels
    prove it. A model that saw the place in training recognises it in the test. It is a warning and
    not an error: a common strip of 5 % gives away little, and other dates of a place can be
    intended. Exact and near duplicates are reported by `duplicate-across-splits` and
    `near-duplicate-across-splits` only.

    The search takes minutes for 10 000 images. So the rule uses the pairs that a workspace
    stores (`rsitmd build groups DIR --same-place`), and searches only with `--same-place`. The
    output says if images were not compared.

    Bad:
        church_75.tif in train, and a larger view of the same church in test
    Good:
        both in one split
    Fix:
        Run `rsitmd build split DIR --same-place --reassign`, or remove one of them.
    """
    if not subject.has_pictures or len(set(subject.dataset.splits) - {None}) < 2:
        return
    places = subject.places
    if places.unchecked is not None:
        subject.unchecked["L107"] = places.unchecked
    for pair in places.pairs:
        first, second = pair.first, pair.second
        if first.split != second.split and None not in (first.split, second.split):
            common = "" if pair.overlap is None else f" ({pair.overlap:.0%} overlap)"
            yield Violation(f"same place as {first.filename} in {first.split}{common}", second)
