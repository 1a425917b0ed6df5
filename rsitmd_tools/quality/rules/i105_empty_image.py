"""I105: an image that is mostly nodata."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("I105", "empty-image", "warning")
def empty_image(subject: Subject) -> Iterator[Violation]:
    """More than `nodata` (half) of the pixels are pure black, or as many are pure white.

    Tiles at the edge of a scene are filled with one of the two, so black and white pixels are not
    added up. Uniform images are reported by
    `uniform-image`.

    Bad:
        a tile that shows the ground only in a corner
    Good:
        a tile that shows the ground everywhere
    Fix:
        Remove the image, or tile the scene again.
    """
    thresholds = subject.thresholds
    for image, picture in subject.pictures:
        uniform = picture.deviation < thresholds.uniform_deviation
        if picture.problem is None and not uniform and picture.nodata > thresholds.nodata:
            share = f"{picture.nodata:.0%} of the pixels"
            yield Violation(f"{share} have one value, pure black or pure white", image)
