"""I101: an image file that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("I101", "unreadable-image", "error")
def unreadable_image(subject: Subject) -> Iterator[Violation]:
    """An image file is empty, truncated, too large, or not a TIFF, JPEG or PNG.

    Interrupted downloads leave such files. A training run fails at the first one.

    Bad:
        a JPEG that ends in the middle
    Good:
        a file that decodes completely
    Fix:
        Download the file again, or remove the image.
    """
    for image, picture in subject.pictures:
        if picture.problem is not None:
            yield Violation(f"file {picture.problem}", image)
