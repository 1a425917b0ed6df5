"""Suspects: sentences that a model finds to fit another image better than their own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError, structure_reason

HINT = "to write it, run: rsitmd benchmark suspects PATH -o FILE"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A sentence, and how badly it fits its image.

    Attributes:
        rank: From 1, the most suspicious sentence.
        image: File name of its image.
        sentence_index: Index of the sentence within the image, from 0.
        sentence: The sentence.
        score: In standard deviations; the higher, the more suspicious.
        better_image: File name of the image that fits best among the others.
    """

    rank: int
    image: str
    sentence_index: int
    sentence: str
    score: float
    better_image: str

    @property
    def message(self) -> str:
        """What findings and notes say about it."""
        return f"fits {self.better_image} better, according to a model"


@dataclass(frozen=True, slots=True)
class Suspects:
    """The sentences of a dataset, the most suspicious first.

    Attributes:
        suspects: All sentences that are not blank.
        flagged: Number of the first of them that are findings.
    """

    suspects: tuple[Suspect, ...]
    flagged: int

    def __iter__(self) -> Iterator[Suspect]:
        """Iterate over those that are findings."""
        return iter(self.suspects[: self.flagged])


def suspects_document(found: Suspects, dataset: Dataset, made: Mapping[str, Any]) -> dict[str, Any]:
    """Return the contents of a file of suspects.

    Args:
        found: The sentences.
        dataset: Their dataset.
        made: How they were found.
    """
    return {
        "tool": f"rsitmd-tools {__version__}",
        "data_sha256": dataset.checksum(),
        "made": dict(made),
        "flagged": found.flagged,
        "suspects": [asdict(suspect) for suspect in found.suspects],
    }


def read_suspects(file: Path, dataset: Dataset) -> Suspects:
    """Read a file of suspects.

    Args:
        file: The file.
        dataset: The dataset that it was written for. Sentences are known by image and index, so
            they must be the same.

    Raises:
        RsitmdError: The file cannot be read, or the dataset has changed since it was written.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        found = parse_suspects(document)
        data = document["data_sha256"]
    except (
        *(OSError, ValueError, KeyError, TypeError, AttributeError),
        *(OverflowError, RecursionError),
    ) as error:
        raise RsitmdError(
            f"is not a file of suspects ({structure_reason(error)})", where=file, hint=HINT
        ) from error
    if data != dataset.checksum():
        raise RsitmdError(
            f"was written for other sentences than those of {dataset.source}",
            where=file,
            hint=HINT,
        )
    places = suspect_places(dataset)
    for suspect in found.suspects:
        if (suspect.image, suspect.sentence_index, suspect.sentence) not in places:
            raise RsitmdError(
                f"names a sentence that {dataset.source} does not have: number"
                f" {suspect.sentence_index + 1} of {suspect.image}",
                where=file,
                hint=HINT,
            )
    return found


def suspect_places(dataset: Dataset) -> dict[tuple[str, int, str], ImageRecord]:
    """Return the image of each sentence by file name, index and text; the first one of several."""
    found: dict[tuple[str, int, str], ImageRecord] = {}
    for image in dataset:
        for index, raw in enumerate(image.captions):
            found.setdefault((image.filename, index, raw), image)
    return found


def parse_suspects(document: Mapping[str, Any]) -> Suspects:
    """Return the suspects of a parsed file.

    Raises:
        KeyError, TypeError, ValueError: It is not one.
    """
    fields = Suspect.__dataclass_fields__
    suspects = tuple(
        Suspect(
            int(entry["rank"]),
            str(entry["image"]),
            int(entry["sentence_index"]),
            str(entry["sentence"]),
            float(entry["score"]),
            str(entry["better_image"]),
        )
        for entry in document["suspects"]
        if fields.keys() <= entry.keys()
    )
    flagged = int(document["flagged"])
    if not 0 <= flagged <= len(suspects) == len(document["suspects"]):
        raise ValueError("wrong number of suspects")
    return Suspects(suspects, flagged)


def ranked(entries: Iterable[tuple[str, int, str, float, str]], flagged: int) -> Suspects:
    """Return suspects in the order of their scores.

    Args:
        entries: Image, index of the sentence, sentence, score and better image.
        flagged: Number of sentences that are findings.
    """
    order: Sequence[tuple[str, int, str, float, str]] = sorted(
        entries, key=lambda entry: (-entry[3], entry[0], entry[1])
    )
    found = tuple(Suspect(rank, *entry) for rank, entry in enumerate(order, 1))
    return Suspects(found, min(flagged, len(found)))
