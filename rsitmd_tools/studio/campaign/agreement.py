"""Similarity of each sentence to those of the other annotators, by the prior's definition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rsitmd_tools.dataset.records import CHANGED, ImageRecord
from rsitmd_tools.similarity import reference
from rsitmd_tools.workspace.imported import CORRECTED_FROM

# Quantiles of the leave-one-out similarity of the captions of RSITMD's first 200 test images:
# 5 % are below 0.11, half below 0.48, 5 % above 0.93. Of captions of two different images, half
# are below 0.06.
COPIED = 0.95
DOUBTFUL = 0.05
BATCH = 50


@dataclass(frozen=True, slots=True)
class Agreement:
    """The similarity of a sentence to those of the other annotators of the same image.

    Attributes:
        image: File name.
        index: Index of the sentence within the image.
        annotator: Its annotator.
        value: S(T, T_I) of METHOD's prior with the others' sentences as T_I, 0 to 1.
        given: Whether it began as a text that all annotators of the image were given, so that
            equal sentences are no copies: an imported sentence, or one of a model.
    """

    image: str
    index: int
    annotator: str
    value: float
    given: bool = False

    @property
    def verdict(self) -> str:
        """``copied``, ``doubtful`` or the empty string."""
        if self.value >= COPIED:
            return "" if self.given else "copied"
        return "doubtful" if self.value <= DOUBTFUL else ""


def agreements(images: Sequence[ImageRecord]) -> list[Agreement]:
    """Compare each sentence with those of the other annotators of its image.

    Sentences without an annotator and images with one annotator are left out.
    """
    compared = []
    references = []
    for image in images:
        for index, sentence in enumerate(image.sentences):
            others = [
                other.raw
                for other in image.sentences
                if other.annotator not in (None, sentence.annotator) and other.raw.strip()
            ]
            if sentence.annotator is not None and others and sentence.raw.strip():
                given = CORRECTED_FROM in sentence.extra or sentence.origin == CHANGED
                compared.append((image.filename, index, sentence.annotator, sentence.raw, given))
                references.append(others)
    values = similarities(references, [raw for *_, raw, _ in compared])
    return [
        Agreement(name, index, annotator, value, given)
        for (name, index, annotator, _, given), value in zip(compared, values, strict=True)
        if not math.isnan(value)
    ]


def similarities(references: Sequence[Sequence[str]], sentences: Sequence[str]) -> list[float]:
    """Return S(sentence, references) of each pair, by the ``reference`` definition.

    Args:
        references: For each sentence the sentences to compare it with.
        sentences: The sentences.

    Returns:
        One value per sentence, 0 to 1; NaN if the definition has none.
    """
    values: list[float] = []
    for first in range(0, len(sentences), BATCH):
        rows = [list(group) for group in references[first : first + BATCH]]
        alone = [[sentence] for sentence in sentences[first : first + BATCH]]
        prepared = reference.prepare([*rows, *alone])
        block = np.empty((len(rows), prepared.shape[1]))
        prepared.filler()(0, block)
        start = sum(map(len, rows))
        values.extend(float(block[row, start + row]) for row in range(len(rows)))
    return values
