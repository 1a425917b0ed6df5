"""D110: captions shifted against their images."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.alignment import block_shift, category_shift
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("D110", "shifted-captions", "error")
def shifted_captions(subject: Subject) -> Iterator[Violation]:
    """Captions stand some lines or some images away from their image.

    In precomp files five lines belong to an image by their place alone: a lost blank line
    shifts all that follow. Two signs are read, split by split, in stretches of 50 images:
    sentences of one image share words, so blocks of five that begin one line later fit
    better than the right ones; and sentences name the category of the file name more often
    one image further.

    Bad:
        the first caption line lost, all others one line up
    Good:
        five lines an image, blank ones included
    Fix:
        Find the lost or added line near the image named; restore the original files.
    """
    wanted = subject.settings.annotation.sentences_per_image
    for split in subject.dataset.splits or (None,):
        images = [image for image in subject.dataset if image.split == split]
        if any(len(image.sentences) != wanted for image in images):
            continue
        lines = block_shift([image.captions for image in images])
        if lines is not None:
            first, shift = lines
            yield Violation(f"from here on, captions look shifted by {shift} lines", images[first])
            continue
        by_image = category_shift(images, subject.lists.synonyms)
        if by_image is not None:
            first, shift = by_image
            yield Violation(f"from here on, captions look shifted by {shift} images", images[first])
