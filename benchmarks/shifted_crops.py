"""Correlations of all pairs of images of one category at their best shift, against labels.

Run: python benchmarks/shifted_crops.py FOLDER_OF_IMAGES --known CSV

Every pair is compared at full resolution, also those that a search would not compare. A pair is
clear if no other shift has more than MAX_SECOND of the best correlation. The category is that of
all_pairs.py.
"""

from __future__ import annotations

import csv
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from all_pairs import category
from machine import Parser, environment, table

from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.imaging.same_place import _features
from rsitmd_tools.imaging.shifted_crops import MAX_SECOND, Crop, Shift, best_shift

EDGES = (-1.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.1)
Grey = npt.NDArray[np.uint8]


def thumbnail(path: Path) -> Grey:
    """Return the image that is compared."""
    return _features(path).thumbnail


def shifts(task: tuple[Grey, list[Grey]]) -> list[Shift]:
    """Return the best shift between an image and each of others."""
    first = Crop(task[0]).fine
    return [best_shift(first, Crop(other).fine) for other in task[1]]


def main() -> None:
    """Measure and print a Markdown table."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--known", type=Path, required=True, help="CSV of known pairs")
    given = parser.parse_args()
    files = sorted(given.folder.iterdir())
    with given.known.open(newline="") as file:
        known = {
            frozenset((row["first"], row["second"]))
            for row in csv.DictReader(file)
            if row["same_place"] == "yes"
        }
    pictures = list(map_in_order(thumbnail, files, chunk=8))
    categories = [category(path) for path in files]
    others = [
        [j for j in range(i + 1, len(files)) if categories[j] == categories[i]]
        for i in range(len(files))
    ]
    tasks = [(pictures[i], [pictures[j] for j in row]) for i, row in enumerate(others)]
    counts: Counter[tuple[int, str]] = Counter()
    unknown = []
    for i, (row, found) in enumerate(zip(others, map_in_order(shifts, tasks), strict=True)):
        for j, shift in zip(row, found, strict=True):
            bin_ = int(np.searchsorted(EDGES, shift.correlation, side="right")) - 1
            labelled = frozenset((files[i].name, files[j].name)) in known
            clear = shift.second <= MAX_SECOND * shift.correlation
            counts[bin_, "all"] += 1
            counts[bin_, "labelled"] += labelled
            counts[bin_, "clear"] += clear
            counts[bin_, "clear and labelled"] += clear and labelled
            if clear and not labelled and shift.correlation >= 0.5:
                unknown.append((files[i].name, files[j].name, round(shift.correlation, 2)))
    print(f"{environment('numpy', 'scipy', 'opencv-python-headless', seed=0)}\n")
    columns = ("all", "labelled", "clear", "clear and labelled")
    rows = [
        (f"{low:.1f} to {high:.1f}", *(counts[bin_, column] for column in columns))
        for bin_, (low, high) in enumerate(pairwise(EDGES))
    ]
    print(table(("correlation", *columns), rows))
    print("\nclear, of 0.5 or more, and without a label:", unknown)


if __name__ == "__main__":
    main()
