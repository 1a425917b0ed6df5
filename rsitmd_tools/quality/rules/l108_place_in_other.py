"""L108: a test image that shows ground on which another dataset trains."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.places import OPTION
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("L108", "place-in-other", "warning")
def place_in_other(subject: Subject) -> Iterator[Violation]:
    """An image of val or test shows the same place as a training image of another dataset.

    The other dataset is passed by `--against`. The images are shifted, zoomed, rotated or from
    another date, as in `same-place-across-splits`. Exact and near duplicates are reported by
    `image-in-other` only. The search takes minutes for 10 000 images, so the rule needs
    `--same-place`. The output says if images were not compared. `--exclusions FILE` lists these
    images too.

    Bad:
        church_75.tif in test, and a larger view of the same church in train of the other dataset
    Good:
        places that the other dataset does not contain
    Fix:
        Train on the other dataset without the images on the list (`--exclusions FILE`).
    """
    if not subject.against:
        return
    if subject.has_pictures and not subject.same_place:
        subject.unchecked["L108"] = f"the other datasets were not searched for places; {OPTION}"
        return
    if subject.uncompared:
        subject.unchecked["L108"] = subject.uncompared
    for dataset, pair in subject.shared_places:
        common = "" if pair.overlap is None else f" ({pair.overlap:.0%} overlap)"
        where = f"{pair.second.filename} in dataset {dataset.name}"
        yield Violation(f"same place as {where}{common}", pair.first)
