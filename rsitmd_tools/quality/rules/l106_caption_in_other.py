"""L106: a test caption that another dataset trains on."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.errors import count_of
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("L106", "caption-in-other", "warning")
def caption_in_other(subject: Subject) -> Iterator[Violation]:
    """A caption of val or test is also a training caption of a dataset passed by `--against`.

    Case, white space and punctuation are ignored: files of one dataset differ in them. Short
    captions may be equal by chance; a caption of ten words is a copy, and its image usually is
    one too.

    Bad:
        "Two red boats lie at the grey pier." in test, and in train of the other dataset
    Good:
        captions that the other dataset does not contain
    Fix:
        Train on the other dataset without the images on the list (`--exclusions FILE`).
    """
    for shared in subject.shared_captions:
        count = len(shared.images) - 1
        more = f" and {count_of(count, 'other image')}" if count else ""
        place = f"{shared.other.filename}{more} in dataset {shared.dataset.name}"
        yield Violation(f"also used for {place}", shared.own, shared.sentence_index)
