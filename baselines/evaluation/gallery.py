"""The gallery: the images and texts of a split, identified by name.

Scores are matched by ids, never by position. An image may have any number of sentences.
Blank sentences and images without sentences are left out and counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.data.names import check_names
from rsitmd_tools.dataset import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError, count_of

Indices = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Gallery:
    """The images of a split that have sentences, and these sentences.

    Attributes:
        asked: The whole split.
        part: Its images with sentences that are not blank, and only these sentences.
        rows: ``(N,)``, position of each image in ``asked``.
        columns: ``(M,)``, position of each text in ``asked.captions()``.
        owners: ``(M,)``, index of each text's image in ``part``.
        places: ``(M,)``, position of each text in the sentences of its image, from 0.
    """

    asked: Dataset
    part: Dataset
    rows: Indices
    columns: Indices
    owners: Indices
    places: Indices

    @classmethod
    def of(cls, dataset: Dataset, split: str) -> Gallery:
        """Return the gallery of a split.

        Raises:
            RsitmdError: The split does not exist, has two records of one image, or fewer
                than two images with sentences.
        """
        asked = dataset.select(split)
        check_names(asked)
        images: list[ImageRecord] = []
        rows: list[int] = []
        columns: list[int] = []
        owners: list[int] = []
        places: list[int] = []
        column = 0
        for row, image in enumerate(asked):
            kept = [place for place, raw in enumerate(image.captions) if raw.strip()]
            columns += [column + place for place in kept]
            owners += [len(images)] * len(kept)
            places += kept
            column += len(image.sentences)
            if kept:
                rows.append(row)
                sentences = tuple(image.sentences[place] for place in kept)
                images.append(replace(image, sentences=sentences))
        if len(images) < 2:
            raise RsitmdError(
                f"split {split!r} has {count_of(len(images), 'image')} with sentences",
                where=dataset.source,
                hint="use a split with two or more",
            )
        arrays = (np.array(values, np.int64) for values in (rows, columns, owners, places))
        return cls(asked, asked.with_images(images), *arrays)

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.rows)

    @property
    def texts(self) -> int:
        """Number of texts."""
        return len(self.columns)

    @property
    def blank_texts(self) -> int:
        """Number of blank sentences that were left out."""
        return len(self.asked.captions()) - self.texts

    def name(self, image: int) -> str:
        """Return the name of an image."""
        return self.part.images[image].filename

    def text_name(self, text: int) -> str:
        """Return the name of a text: its number in its image, from 1, and the image."""
        return f"sentence {int(self.places[text]) + 1} of {self.name(int(self.owners[text]))}"

    def check_numbers(self, scores: npt.NDArray[np.floating[Any]], where: str, hint: str) -> None:
        """Check that no score is NaN. Infinite scores can be ranked.

        Args:
            scores: ``(N, M)``.
            where: The origin of the scores, for the message.
            hint: The hint of the message.

        Raises:
            RsitmdError: Scores are NaN. The message contains the first image whose scores are
                all NaN, else the first such sentence, else the first such pair.
        """
        blank = np.isnan(scores)
        if not blank.any():
            return
        rows, columns = np.flatnonzero(blank.all(1)), np.flatnonzero(blank.all(0))
        if len(rows):
            first = self.name(int(rows[0]))
        elif len(columns):
            first = self.text_name(int(columns[0]))
        else:
            row, column = np.argwhere(blank)[0].tolist()
            first = f"{self.name(row)}, {self.text_name(column)}"
        raise RsitmdError(
            f"{int(blank.sum())} of {blank.size} scores are NaN",
            where=f"{where}: {first}",
            hint=hint,
        )

    def texts_of(self) -> list[Indices]:
        """Return the texts of each image."""
        return np.split(np.arange(self.texts), np.cumsum(np.bincount(self.owners))[:-1])
