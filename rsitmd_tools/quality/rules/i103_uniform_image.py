"""I103: a black or uniform image."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("I103", "uniform-image", "warning")
def uniform_image(subject: Subject) -> Iterator[Violation]:
    """An image is black, white or of one colour.

    Its grey values (0 to 255) differ by less than `uniform_deviation` (2) as a standard
    deviation: there is nothing to describe. The calmest real images measured, deserts of
    RSITMD, have 3.1.

    Bad:
        a black tile from the edge of a scene
    Good:
        an image in which something is seen
    Fix:
        Take it out.
    """
    for image, picture in subject.pictures:
        if picture.problem is None and picture.deviation < subject.thresholds.uniform_deviation:
            yield Violation(f"is uniform (grey values deviate by {picture.deviation:.1f})", image)
