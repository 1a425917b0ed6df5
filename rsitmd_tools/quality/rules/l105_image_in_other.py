"""L105: an image of test that another dataset trains on."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("L105", "image-in-other", "warning")
def image_in_other(subject: Subject) -> Iterator[Violation]:
    """An image of val or test is in the training part of a dataset given by `--against`.

    RSITMD took images from RSICD: a model trained on RSICD has seen part of RSITMD's test.
    Users of RemoteCLIP asked twice for a list of such images; `--exclusions FILE` writes one.
    The eight turns and flips are tried. Parts without a split count as training.

    Bad:
        stadium_7.tif in test, and the same picture in train of the other dataset
    Good:
        pictures the other dataset does not hold
    Fix:
        Train on the other dataset without the images of the list.
    """
    for shared in subject.shared_images:
        like = "is the same picture as" if shared.exact else "looks like"
        yield Violation(f"{like} {shared.other.filename} of {shared.dataset.name}", shared.own)
