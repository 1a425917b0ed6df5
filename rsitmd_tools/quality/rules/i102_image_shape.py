"""I102: an image of another size or mode than the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("I102", "image-shape", "warning")
def image_shape(subject: Subject) -> Iterator[Violation]:
    """An image is not RGB, or has another size than the dataset's.

    The size of a workspace is its setting `image_size`; elsewhere it is the size most images
    have. 44 of the 2100 images of UC Merced are not quite 256 x 256.

    Bad:
        a grey image of 247 x 247 pixels among RGB images of 256 x 256
    Good:
        RGB, 256 x 256 pixels
    Fix:
        Convert and resize it as the others were.
    """
    usable = [entry for entry in subject.pictures if entry.picture.problem is None]
    if not usable:
        return
    if subject.dataset.format == "workspace":
        size = (subject.settings.dataset.image_size,) * 2
    else:
        sizes = Counter((entry.picture.width, entry.picture.height) for entry in usable)
        size = sizes.most_common(1)[0][0]
    for image, picture in usable:
        if (picture.width, picture.height) != size:
            shape = f"{picture.width} x {picture.height}"
            yield Violation(f"is {shape} pixels, not {size[0]} x {size[1]}", image)
        if picture.mode != "RGB":
            yield Violation(f"has the mode {picture.mode}, not RGB", image)
