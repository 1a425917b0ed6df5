"""What the rules share: sentences, measured images, images that two datasets share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.quality.pictures import Picture


@dataclass(frozen=True, slots=True)
class Written:
    """A sentence that is not blank, where it stands, and its words.

    Attributes:
        image: Its image.
        index: Its index within the image.
        raw: The text.
        words: Lower-cased words and numbers, punctuation left out.
        folded: The text without regard to case and white space: equal for equal sentences.
    """

    image: ImageRecord
    index: int
    raw: str
    words: tuple[str, ...]
    folded: str


class PictureOf(NamedTuple):
    """An image whose file was found, and what was measured in it."""

    image: ImageRecord
    picture: Picture


@dataclass(frozen=True, slots=True)
class Shared:
    """An image here that is, or has a caption of, an image another dataset trains on.

    Attributes:
        own: The image here.
        dataset: The other dataset.
        other: The image there.
        exact: Whether the pixels, or the words, are equal.
        sentence_index: Index of the shared sentence here, where it is about one.
    """

    own: ImageRecord
    dataset: Dataset
    other: ImageRecord
    exact: bool
    sentence_index: int | None = None
