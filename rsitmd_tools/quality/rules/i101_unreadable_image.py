"""I101: an image file that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("I101", "unreadable-image", "error")
def unreadable_image(subject: Subject) -> Iterator[Violation]:
    """An image file is empty, truncated, no TIFF, JPEG or PNG, or of a size out of bounds.

    A download that broke off leaves such files; a training run ends at the first one.

    Bad:
        a JPEG that ends in the middle
    Good:
        a file that decodes whole
    Fix:
        Get the file again, or take the image out.
    """
    for image, picture in subject.pictures:
        if picture.problem is not None:
            yield Violation(f"the file {picture.problem}", image)
