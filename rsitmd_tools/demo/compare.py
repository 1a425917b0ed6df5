"""What came out of the release, word for word against what went in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.demo.captioned import CaptionedImage, annotators_of
from rsitmd_tools.errors import RsitmdError


@dataclass(frozen=True, slots=True)
class Compared:
    """How much was compared, all of it equal.

    Attributes:
        images: Images of the release.
        sentences: Their sentences.
        keywords: Their keywords.
    """

    images: int
    sentences: int
    keywords: int


def compare(
    release: Dataset, images: Sequence[CaptionedImage], names: Mapping[str, str]
) -> Compared:
    """Hold a release against the texts that its annotators wrote.

    Args:
        release: The release.
        images: What went in.
        names: File name in the release by file name of what went in.

    Returns:
        The counts.

    Raises:
        RsitmdError: An image is absent or too many, or a sentence, a keyword, a category or
            their order differs; the first one is named.
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
                    release, record.filename, f"sentence {number} is {came!r}, was {wanted!r}"
                )
        if len(record.captions) != len(sentences):
            raise _differs(
                release,
                record.filename,
                f"has {len(record.captions)} sentences of {len(sentences)} written",
            )
        if record.keywords != image.keywords:
            raise _differs(
                release, record.filename, f"keywords {record.keywords}, were {image.keywords}"
            )
    if found:
        raise _differs(release, next(iter(found)), "is in the release, nobody wrote of it")
    return Compared(
        len(release), len(release.captions()), sum(len(image.keywords) for image in release)
    )


def _differs(release: Dataset, image: str, what: str) -> RsitmdError:
    return RsitmdError(what, where=f"{release.source}: {image}", hint="report this as a fault")
