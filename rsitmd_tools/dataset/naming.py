"""The one way in which people read and write which sentence of an image is meant.

A sentence is named by its image, its annotator, and a number from 1 where one person wrote
several sentences about the image. Where no annotator is known, the number counts the sentences
of the image. Indices from 0 (``sentence_index``) are for programs, in JSON and CSV only.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from rsitmd_tools.dataset.records import ImageRecord


@dataclass(frozen=True, slots=True)
class SentenceName:
    """The name of a sentence within its image.

    Attributes:
        annotator: Who wrote it, where known.
        number: Its number on the page of the annotator, from 1; within the image where the
            annotator is unknown.
        several: Whether the annotator wrote several sentences about the image, or was asked to.
    """

    annotator: str | None
    number: int
    several: bool = True

    @property
    def label(self) -> str:
        """The name beside the name of the image.

        Examples: ``anna@example.org``, ``anna@example.org, sentence 2``, ``sentence 3``.
        """
        if self.annotator is None:
            return f"sentence {self.number}"
        return f"{self.annotator}, sentence {self.number}" if self.several else self.annotator

    @property
    def phrase(self) -> str:
        """The name within a message.

        Examples: ``the sentence of anna@example.org``, ``sentence 2 of anna@example.org``,
        ``sentence 3``.
        """
        if self.annotator is None:
            return f"sentence {self.number}"
        which = f"sentence {self.number}" if self.several else "the sentence"
        return f"{which} of {self.annotator}"


def sentence_names(image: ImageRecord) -> list[SentenceName]:
    """Return the names of an image's sentences, in their order."""
    total = Counter(sentence.annotator for sentence in image.sentences)
    seen: Counter[str | None] = Counter()
    names = []
    for index, sentence in enumerate(image.sentences, 1):
        person = sentence.annotator
        seen[person] += 1
        if person is None:
            names.append(SentenceName(None, index))
        else:
            several = sentence.number is not None or total[person] > 1
            names.append(SentenceName(person, sentence.number or seen[person], several))
    return names
