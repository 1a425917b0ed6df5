"""I105: an image that is mostly nodata."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("I105", "empty-image", "warning")
def empty_image(subject: Subject) -> Iterator[Violation]:
    """More than `nodata` (half) of an image is pure black or pure white.

    Tiles at the edge of a scene are filled so. Uniform images are the business of
    `uniform-image`.

    Bad:
        a tile of which a corner shows the ground
    Good:
        a tile full of ground
    Fix:
        Take it out, or cut the scene anew.
    """
    thresholds = subject.thresholds
    for image, picture in subject.pictures:
        uniform = picture.deviation < thresholds.uniform_deviation
        if picture.problem is None and not uniform and picture.nodata > thresholds.nodata:
            yield Violation(f"is {picture.nodata:.0%} pure black or white", image)
