"""S102: the same sentence twice in an image."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.registry import Place, Subject, rule


@rule("S102", "repeated-in-image", "warning")
def repeated_in_image(subject: Subject) -> Iterator[Place]:
    """A sentence stands twice or more in the same image.

    RSICD pads images to five sentences by repetition: the number of captions then says
    more than there is.

    Bad: ``"A port."`` and ``"A port."``. Good: two descriptions of two things.

    Fix: have another sentence written.
    """
    for image in subject.dataset:
        first: dict[str, int] = {}
        for index, raw in enumerate(image.captions):
            key = " ".join(raw.split()).casefold()
            if key and first.setdefault(key, index) != index:
                yield Place(f"repeats sentence {first[key]} of this image", image, index)
