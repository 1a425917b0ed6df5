"""D110: captions shifted against their images."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.alignment import category_shift, line_shift
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("D110", "shifted-captions", "error")
def shifted_captions(subject: Subject) -> Iterator[Violation]:
    """Captions are some lines or some images away from their image.

    In precomp files, only the position assigns five lines to an image: a lost blank line shifts
    all lines after it, and a conversion to JSON keeps the fault. The rule reads each split in
    stretches of 50 images and looks for two signs. By lines: sentences of one image share words;
    here a sentence shares more of them with a sentence of the next image than with the one at
    the same position of its own image. By images: sentences name the category of another image
    more than twice as often as that of their own.

    Bad:
        the first caption line lost, all others one line up
    Good:
        five lines for each image, blank ones included
    Fix:
        Find the lost or added line near the reported image, or restore the original files.
    """
    expected = subject.sentences_per_image
    for split in subject.dataset.splits or (None,):
        images = [image for image in subject.dataset if image.split == split]
        if any(len(image.sentences) != expected for image in images):
            continue
        shift, unit = line_shift([image.captions for image in images]), "line"
        if shift is None:
            shift, unit = category_shift(images, subject.lists.synonyms), "image"
        if shift is not None:
            distance = f"{shift.by} {unit}{'s' if abs(shift.by) != 1 else ''}"
            message = f"captions appear shifted by {distance} from this image on"
            yield Violation(message, images[shift.first])
