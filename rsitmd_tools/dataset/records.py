"""The records every step works on: a dataset, its images, their sentences."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.hashing import sha256_lines

SPLITS = ("train", "val", "test")
# Where a sentence comes from: written by a human, a machine's text that a human changed, or a
# machine's text that nobody changed.
HUMAN, CHANGED, UNTOUCHED = ORIGINS = ("human", "machine changed", "machine untouched")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One caption of an image.

    Attributes:
        raw: The text as written; may be blank (a finding, not an error).
        annotator: Who wrote it, where known.
        tokens: The tokens of the source file, where it has any.
        extra: Fields of the source file that are not ours, kept as they came.
        number: Number of the sentence on the page of its annotator, from 1, where that page
            has several; None where the order of the sentences gives it.
        origin: One of :data:`ORIGINS`, where known.
        edit_distance: Characters in which it differs from the nearest text of a machine that
            was given for the image (Levenshtein); None where none was given, or unknown.
        machine_given: Whether the annotator could see a text of a machine for the image; None
            where unknown.
    """

    raw: str
    annotator: str | None = None
    tokens: tuple[str, ...] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    number: int | None = None
    origin: str | None = None
    edit_distance: int | None = None
    machine_given: bool | None = None


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image with its sentences and keywords.

    Attributes:
        filename: The name of the image file: its identity within the dataset.
        sentences: Captions in order; blank ones included.
        keywords: "fine-grained word + object" or "- object".
        split: ``train``, ``val`` or ``test``; None before the split.
        category: The scene's class; taken from the file name where the source has none.
        extra: Fields of the source file that are not ours, kept as they came.
    """

    filename: str
    sentences: tuple[Sentence, ...] = ()
    keywords: tuple[str, ...] = ()
    split: str | None = None
    category: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def location(self) -> str:
        """Where the image file lies in the image folder.

        Karpathy's layout has a field ``filepath``, the folder of the file; else the file lies in
        the image folder itself.
        """
        folder = self.extra.get("filepath")
        return f"{folder}/{self.filename}" if isinstance(folder, str) and folder else self.filename

    @property
    def captions(self) -> tuple[str, ...]:
        """The raw sentences."""
        return tuple(sentence.raw for sentence in self.sentences)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Images with sentences, from any registered format.

    Attributes:
        name: The dataset's name.
        images: All records, in the order of the source.
        source: The folder or file it was read from.
        format: The name of the format it was read in.
        image_folder: Where the image files lie, or None where there are none.
        extra: Fields of the source file that are not ours, kept as they came.
    """

    name: str
    images: tuple[ImageRecord, ...]
    source: Path
    format: str
    image_folder: Path | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[ImageRecord]:
        return iter(self.images)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits that hold images, in the usual order."""
        present = {image.split for image in self.images if image.split is not None}
        usual = [name for name in SPLITS if name in present]
        return (*usual, *sorted(present.difference(SPLITS)))

    def select(self, split: str) -> Dataset:
        """Return the images of one split.

        Raises:
            RsitmdError: The split does not exist; the message lists those that do.
        """
        chosen = tuple(image for image in self.images if image.split == split)
        if not chosen:
            known = ", ".join(self.splits) or "none: run `rsitmd build split` first"
            raise RsitmdError(
                f"no images in split {split!r}", where=self.source, hint=f"splits here: {known}"
            )
        return replace(self, images=chosen)

    def with_images(self, images: Iterable[ImageRecord]) -> Dataset:
        """Return the same dataset with other records."""
        return replace(self, images=tuple(images))

    def captions(self) -> list[str]:
        """All captions, image by image: the columns of the prior."""
        return [sentence.raw for image in self.images for sentence in image.sentences]

    def caption_owners(self) -> list[int]:
        """For each caption of :meth:`captions`, the index of its image."""
        return [index for index, image in enumerate(self.images) for _ in image.sentences]

    def image_path(self, image: ImageRecord) -> Path:
        """Return the file of an image.

        It is at the image's :attr:`~ImageRecord.location`. Where that names a folder that the
        image folder does not have, all files lie side by side, and the name alone counts.

        Raises:
            RsitmdError: There is no image folder, the file is absent, or its name leaves
                the folder.
        """
        if self.image_folder is None:
            raise RsitmdError(
                "has no image folder", where=self.source, hint="name one with --images DIR"
            )
        path = self.image_folder / image.location
        try:
            if image.location != image.filename and not path.parent.exists():
                path = self.image_folder / image.filename
            plain = path.name == image.location
            if plain and path.is_file() and not path.is_symlink():
                return path
            inside = path.resolve().is_relative_to(self.image_folder.resolve())
            is_file = path.is_file()
        except (OSError, ValueError, RuntimeError) as error:
            # A NUL in the name, a loop of links, a name longer than the system takes.
            raise RsitmdError(
                f"the image name is none the system takes ({reason(error)})",
                where=f"{self.source}: {image.location[:80]}",
                hint="rename it",
            ) from error
        if not inside:
            raise RsitmdError(
                "the image name leaves the image folder",
                where=f"{self.source}: {image.location}",
                hint="use names without '..' and without links to elsewhere",
            )
        if not is_file:
            raise RsitmdError("image file is absent", where=path, hint="restore it")
        return path

    def checksum(self) -> str:
        """SHA-256 over names, splits, sentences and keywords, in order."""
        return sha256_lines(
            json.dumps(
                [image.filename, image.split, image.captions, image.keywords],
                ensure_ascii=False,
            )
            for image in self.images
        )


def category_of(filename: str) -> str | None:
    """Return the category in an RSITMD file name, ``<category>_<number>.tif``.

    Numbers alone (UCM's ``81.jpg``) carry no category.
    """
    stem = filename.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    category, separator, number = stem.rpartition("_")
    return category if separator and category and number.isdigit() else None


def captions_by_image(images: Sequence[ImageRecord]) -> list[list[str]]:
    """Return the captions of each image as lists of strings."""
    return [list(image.captions) for image in images]
