"""Comparison of a release with the submitted annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.demo.captioned import CaptionedImage, annotators_of
from rsitmd_tools.errors import RsitmdError


@dataclass(frozen=True, slots=True)
class Compared:
    """Numbers of images and texts that were compared. All of them are equal.

    Attributes:
        images: Number of images.
        sentences: Number of sentences.
        keywords: Number of keywords.
    """

    images: int
    sentences: int
    keywords: int


def compare(
    release: Dataset, images: Sequence[CaptionedImage], names: Mapping[str, str]
) -> Compared:
    """Compare a release with the annotations that its annotators submitted.

    Args:
        release: The release.
        images: The submitted annotations.
        names: File name in the release by original file name.

    Returns:
        The counts.

    Raises:
        RsitmdError: An image is missing or unexpected, or a sentence, a keyword or the order
            differs. The message describes the first difference.
    """
    found = {image.filename: image for image in release}
    order = annotators_of(list(images))
    for image in images:
        record = found.pop(names[image.path.name], None)
        if record is None:
            raise _differs(release, image.path.name, "is not in the release")
        sentences = tuple(raw for name in order for raw in image.written_by(name))
        for number, (wanted, came) in enumerate(zip(sentences, record.captions, strict=False), 1):
            if wanted != came:
                raise _differs(
                    release, record.filename, f"sentence {number} is {came!r}, expected {wanted!r}"
                )
        if len(record.captions) != len(sentences):
            raise _differs(
                release,
                record.filename,
                f"number of sentences: {len(record.captions)}, expected {len(sentences)}",
            )
        if record.keywords != image.keywords:
            raise _differs(
                release,
                record.filename,
                f"keywords are {record.keywords}, expected {image.keywords}",
            )
    if found:
        raise _differs(release, next(iter(found)), "is in the release, but was not annotated")
    return Compared(
        len(release), len(release.captions()), sum(len(image.keywords) for image in release)
    )


def _differs(release: Dataset, image: str, what: str) -> RsitmdError:
    return RsitmdError(what, where=f"{release.source}: {image}", hint="report this as a bug")
