"""Names of sentences in messages and reports.

A sentence is identified by its image, its annotator and, if the annotator wrote several sentences
about the image, a number from 1. If the annotator is unknown, the number counts the sentences of
the image. Indices from 0 (``sentence_index``) are only used in JSON and CSV.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from rsitmd_tools.dataset.records import ImageRecord


@dataclass(frozen=True, slots=True)
class SentenceName:
    """The name of a sentence within its image.

    Attributes:
        annotator: The annotator, or None if unknown.
        number: Number on the annotator's labeling page, from 1; if the annotator is unknown,
            number within the image.
        several: Whether the annotator wrote or was asked for several sentences about the image.
    """

    annotator: str | None
    number: int
    several: bool = True

    @property
    def label(self) -> str:
        """The name after the name of the image.

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
        annotator = sentence.annotator
        seen[annotator] += 1
        if annotator is None:
            names.append(SentenceName(None, index))
        else:
            several = sentence.number is not None or total[annotator] > 1
            names.append(SentenceName(annotator, sentence.number or seen[annotator], several))
    return names
