"""Records for rules: sentences, measured images, images shared by two datasets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.quality.pictures import Picture


@dataclass(frozen=True, slots=True)
class Written:
    """A sentence that is not blank, with its image and its words.

    Attributes:
        image: Its image.
        index: Its index within the image.
        raw: The text.
        words: Lower-cased words and numbers, punctuation left out.
        folded: The text with case and white space normalised.
    """

    image: ImageRecord
    index: int
    raw: str
    words: tuple[str, ...]
    folded: str


class PictureOf(NamedTuple):
    """An image with a file, and its measures."""

    image: ImageRecord
    picture: Picture


@dataclass(frozen=True, slots=True)
class Shared:
    """An image that another dataset trains on, or whose caption it trains on.

    Attributes:
        own: The image of the checked dataset.
        dataset: The other dataset.
        other: The image of the other dataset.
        exact: Whether the pixels, or the words, are equal.
        sentence_index: Index of the shared sentence in ``own``; None for a shared image.
    """

    own: ImageRecord
    dataset: Dataset
    other: ImageRecord
    exact: bool
    sentence_index: int | None = None
