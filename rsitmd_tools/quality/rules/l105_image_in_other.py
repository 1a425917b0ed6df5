"""L105: a test image that another dataset trains on."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("L105", "image-in-other", "warning")
def image_in_other(subject: Subject) -> Iterator[Violation]:
    """An image of val or test is also a training image of a dataset passed by `--against`.

    RSITMD took images from RSICD: a model trained on RSICD has seen part of RSITMD's test
    split. `--exclusions FILE` writes a list of such images. Rotated and flipped copies are found
    too. Images without a split count as training images. The output says if images had no
    readable file and were not compared.

    Bad:
        stadium_7.tif in test, and the same picture in train of the other dataset
    Good:
        images that the other dataset does not contain
    Fix:
        Train on the other dataset without the images on that list.
    """
    if subject.against and subject.uncompared:
        subject.unchecked["L105"] = subject.uncompared
    for shared in subject.shared_images:
        like = "duplicate of" if shared.exact else "similar to"
        where = f"{shared.other.filename} in dataset {shared.dataset.name}"
        yield Violation(f"{like} {where}", shared.own)
