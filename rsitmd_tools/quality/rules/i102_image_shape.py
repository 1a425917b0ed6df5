"""I102: an image of another size or mode than the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("I102", "image-shape", "warning")
def image_shape(subject: Subject) -> Iterator[Violation]:
    """An image is not RGB, or its size differs from the other images.

    In a workspace, the expected size is the setting `image_size`; otherwise it is the most
    common size. 44 of the 2100 images of UC Merced are not exactly 256 x 256 pixels.

    Bad:
        a grey image of 247 x 247 pixels among RGB images of 256 x 256
    Good:
        RGB, 256 x 256 pixels
    Fix:
        Convert and resize it like the other images.
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
            yield Violation(f"{shape} pixels, expected {size[0]} x {size[1]}", image)
        if picture.mode != "RGB":
            yield Violation(f"mode {picture.mode}, expected RGB", image)
