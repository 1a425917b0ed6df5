"""L106: a caption of test that another dataset trains on."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("L106", "caption-in-other", "warning")
def caption_in_other(subject: Subject) -> Iterator[Violation]:
    """A caption of val or test is in the training part of a dataset given by `--against`.

    Case and white space are not regarded. Short captions may be alike by chance; a caption
    of ten words is a copy, and its image most often too.

    Bad:
        "Two red boats lie at the grey pier." in test, and in train of the other dataset
    Good:
        captions the other dataset does not hold
    Fix:
        Train on the other dataset without the images of the list (`--exclusions FILE`).
    """
    for shared in subject.shared_captions:
        place = f"{shared.other.filename} of {shared.dataset.name}"
        yield Violation(f"stands on {place}", shared.own, shared.sentence_index)
