"""RUN/queries.csv: rank and hits of every query, for paired comparisons."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rsitmd_tools.atomic import write_text
from rsitmd_tools.baselines.evaluation.gallery import Gallery, Indices
from rsitmd_tools.baselines.evaluation.hits import NAMES, Floats, Hits
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.text_files import read_text

COLUMNS = ("image", "sentence_index", "rank", *NAMES)
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Queries:
    """Hits of all queries of one evaluation.

    Attributes:
        images: Names of the images, sorted.
        image_hits: ``(N, 3)``, image to text.
        text_hits: ``(M, 3)``, text to image, in the order of image and position.
        owners: ``(M,)``, index of each text's image.
        places: ``(M,)``, position of each text in the sentences of its image.
    """

    images: tuple[str, ...]
    image_hits: Floats
    text_hits: Floats
    owners: Indices
    places: Indices

    def same_gallery(self, other: Queries) -> bool:
        """Return whether another evaluation had the same queries."""
        return (
            self.images == other.images
            and np.array_equal(self.owners, other.owners)
            and np.array_equal(self.places, other.places)
        )


def write_queries(file: Path, gallery: Gallery, to_text: Hits, to_image: Hits) -> None:
    """Write rank and hits (expected over ties) of every query; images have no sentence index."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for image in range(gallery.images):
        writer.writerow([gallery.name(image), "", *_row(to_text, image)])
    for text in range(gallery.texts):
        name = gallery.name(int(gallery.owners[text]))
        writer.writerow([name, int(gallery.places[text]), *_row(to_image, text)])
    write_text(file, table.getvalue())


def read_queries(file: Path) -> Queries:
    """Read a file of :func:`write_queries`.

    Raises:
        RsitmdError: The file does not exist or is malformed; the message contains the line.
    """
    images: dict[str, list[float]] = {}
    texts: dict[tuple[str, int], list[float]] = {}
    rows = csv.DictReader(io.StringIO(read_text(file), newline=""))
    for row in rows:
        try:
            found = [float(row[name]) for name in NAMES]
            if not all(0 <= value <= 1 for value in found):
                raise ValueError
            if row["sentence_index"] == "":
                images[row["image"]] = found
            else:
                texts[row["image"], int(row["sentence_index"])] = found
        except (KeyError, TypeError, ValueError):
            problem = f"line {rows.line_num} does not contain {', '.join(COLUMNS)}"
            raise _malformed(file, problem) from None
    names = sorted(images)
    index = {name: place for place, name in enumerate(names)}
    keys = sorted(texts)
    unmatched = sorted({image for image, _ in keys}.symmetric_difference(names))
    if not names or unmatched:
        raise _malformed(file, f"images and texts do not match ({', '.join(unmatched[:3])})")
    return Queries(
        tuple(names),
        np.array([images[name] for name in names]),
        np.array([texts[key] for key in keys]),
        np.array([index[image] for image, _ in keys]),
        np.array([place for _, place in keys]),
    )


def _row(hits: Hits, query: int) -> list[str]:
    values = [hits.ranks[query, 0], *hits.expected[query]]
    return [f"{round(float(value), DIGITS):g}" for value in values]


def _malformed(file: Path, what: str) -> RsitmdError:
    return RsitmdError(what, where=file, hint="evaluate the run again")
