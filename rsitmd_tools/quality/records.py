"""Records for rules: sentences, measured images, images shared by two datasets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.imaging.known_pictures import KnownPictures
from rsitmd_tools.imaging.measures import Picture
from rsitmd_tools.imaging.pairs import ImagePair


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
class Measured:
    """The pictures of a dataset whose files have been read, for the rules.

    Attributes:
        pictures: The pictures, in the order of the images.
        digests: SHA-256 of their files.
        known: Where the pairs of pictures are kept.
    """

    pictures: tuple[PictureOf, ...]
    digests: tuple[str, ...]
    known: KnownPictures

    def pairs(self, distance: int) -> list[ImagePair]:
        """Return the pairs of duplicates; see :meth:`KnownPictures.pairs`."""
        pictures = [entry.picture for entry in self.pictures]
        return self.known.pairs(self.digests, pictures, distance)


@dataclass(frozen=True, slots=True)
class Shared:
    """An image that another dataset trains on, or whose caption it trains on.

    Attributes:
        own: The image of the checked dataset.
        dataset: The other dataset.
        other: The image of the other dataset.
        exact: Whether the pixels, or the words, are equal.
        sentence_index: Index of the shared sentence in ``own``; None for a shared image.
        images: All images of the other dataset with the sentence, ``other`` first; empty for a
            shared image.
    """

    own: ImageRecord
    dataset: Dataset
    other: ImageRecord
    exact: bool
    sentence_index: int | None = None
    images: tuple[ImageRecord, ...] = ()
