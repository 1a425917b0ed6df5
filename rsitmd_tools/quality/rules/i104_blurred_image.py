"""I104: a blurred image."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("I104", "blurred-image", "info")
def blurred_image(subject: Subject) -> Iterator[Violation]:
    """An image has no sharp edge anywhere.

    The standard deviation of its Laplacian is below `sharpness` (2; half of RSITMD's images
    have more than 40, its most uniform desert 3). Clouds and strongly enlarged images have
    such values. Uniform images are reported by `uniform-image`.

    Bad:
        a tile enlarged eight times
    Good:
        a tile in its original resolution
    Fix:
        Remove the image, or get it in a better resolution.
    """
    thresholds = subject.thresholds
    for image, picture in subject.pictures:
        uniform = picture.deviation < thresholds.uniform_deviation
        if picture.problem is None and not uniform and picture.sharpness < thresholds.sharpness:
            yield Violation(f"blurred image (sharpness {picture.sharpness:.1f})", image)
