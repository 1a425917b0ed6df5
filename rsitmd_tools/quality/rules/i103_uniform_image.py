"""I103: a black or uniform image."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("I103", "uniform-image", "warning")
def uniform_image(subject: Subject) -> Iterator[Violation]:
    """An image is black, white or of one colour.

    The standard deviation of its grey values (0 to 255) is below `uniform_deviation` (2), so
    there is nothing to describe. The most uniform images of RSITMD, deserts, have 3.1.

    Bad:
        a black tile from the edge of a scene
    Good:
        an image that shows the ground
    Fix:
        Remove the image.
    """
    for image, picture in subject.pictures:
        if picture.problem is None and picture.deviation < subject.thresholds.uniform_deviation:
            yield Violation(f"uniform image (standard deviation {picture.deviation:.1f})", image)
