"""S103: the same sentence on several images."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.registry import Place, Subject, rule


@rule("S103", "repeated-across-images", "warning")
def repeated_across_images(subject: Subject) -> Iterator[Place]:
    """A sentence stands on several images.

    It then describes none of them: in UCM-captions most sentences do so, and retrieval
    cannot tell those images apart (principle 1).

    Bad: ``"There is a piece of farmland."`` on 40 images.

    Good: ``"A dirt road cuts the brown farmland into two halves."``

    Fix: have it written so that it names what only this image shows.
    """
    first: dict[str, str] = {}
    for image in subject.dataset:
        for index, raw in enumerate(image.captions):
            key = " ".join(raw.split()).casefold()
            if key and first.setdefault(key, image.filename) != image.filename:
                yield Place(f"stands on {first[key]} too", image, index)
