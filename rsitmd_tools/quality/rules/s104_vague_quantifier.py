"""S104: a vague quantifier where a number may fit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsitmd_tools.quality.registry import Place, Subject, rule

_VAGUE = re.compile(r"\b(some|many|several)\b", re.IGNORECASE)


@rule("S104", "vague-quantifier", "info")
def vague_quantifier(subject: Subject) -> Iterator[Place]:
    """A sentence says "some", "many" or "several" (principle 2).

    A number tells two images apart where "many" does not. Where the objects cannot be
    counted, the word may stay: hence severity info.

    Bad: ``"Many planes are parked."`` Good: ``"Seven planes are parked."``

    Fix: count.
    """
    for image in subject.dataset:
        for index, raw in enumerate(image.captions):
            found = _VAGUE.search(raw)
            if found:
                yield Place(f"says {found.group().lower()!r}: count where you can", image, index)
