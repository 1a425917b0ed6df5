"""What is searched: the images and texts of a split, each known by its name.

Scores are matched by ids, never by position: an image may have any number of sentences,
a blank one is no query, an image without any is left out, and both are counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.data.names import check_names
from rsitmd_tools.dataset import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError

Indices = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Gallery:
    """The images of a split that have sentences, and those sentences.

    Attributes:
        asked: The split as it is.
        part: Its images with sentences that are not blank, those sentences alone.
        rows: ``(N,)``, place of each image in ``asked``.
        columns: ``(M,)``, place of each text in ``asked.captions()``.
        owners: ``(M,)``, index of each text's image in ``part``.
        places: ``(M,)``, place of each text among the sentences of its image, from 0.
    """

    asked: Dataset
    part: Dataset
    rows: Indices
    columns: Indices
    owners: Indices
    places: Indices

    @classmethod
    def of(cls, dataset: Dataset, split: str) -> Gallery:
        """Take the images and texts of a split.

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
                f"split {split!r} has {len(images)} images with sentences",
                where=dataset.source,
                hint="evaluate on two or more",
            )
        arrays = (np.array(values, np.int64) for values in (rows, columns, owners, places))
        return cls(asked, asked.with_images(images), *arrays)

    @property
    def images(self) -> int:
        """How many images there are."""
        return len(self.rows)

    @property
    def texts(self) -> int:
        """How many texts there are."""
        return len(self.columns)

    @property
    def blank_texts(self) -> int:
        """How many sentences were left out as they are blank."""
        return len(self.asked.captions()) - self.texts

    def name(self, image: int) -> str:
        """Return the name of an image."""
        return self.part.images[image].filename

    def text_name(self, text: int) -> str:
        """Return the name of a text: its number, from 1, among the sentences of its image."""
        return f"sentence {int(self.places[text]) + 1} of {self.name(int(self.owners[text]))}"

    def check_numbers(self, scores: npt.NDArray[np.floating[Any]], where: str, hint: str) -> None:
        """Check that every pair has a score; infinite ones can be ranked, NaN cannot.

        Args:
            scores: ``(N, M)``.
            where: What they are scores of.
            hint: What can be done about it.

        Raises:
            RsitmdError: Scores are NaN; the first image that has none but such is named, else
                the first such sentence, else the first pair.
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
