"""How many neighbours by visual words a search for images of one place needs.

Run: python benchmarks/neighbours.py FOLDER_OF_IMAGES --known CSV [--nearest-words 3]

For each vocabulary (another seed), the share of the known pairs in which one image is among the
nearest images of the other one. The images are in the order of their SHA-256, as in a search.
"""

from __future__ import annotations

import csv
from pathlib import Path

from machine import Parser, environment, table

from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.imaging import visual_words
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.imaging.same_place import _features
from rsitmd_tools.imaging.visual_words import neighbours

COUNTS = (5, 10, 40)
SEEDS = (0, 1, 2, 3)


def main() -> None:
    """Measure and print a Markdown table."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--known", type=Path, required=True, help="CSV of known pairs")
    parser.add_argument("--nearest-words", type=int, default=visual_words.NEAREST_WORDS)
    given = parser.parse_args()
    visual_words.NEAREST_WORDS = given.nearest_words
    files = sorted(given.folder.iterdir(), key=sha256_file)
    place = {path.name: index for index, path in enumerate(files)}
    with given.known.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["same_place"] == "yes"]
    known = {tuple(sorted((place[row["first"]], place[row["second"]]))) for row in rows}
    tables = [found.descriptors for found in map_in_order(_features, files, chunk=8)]
    print(f"{environment('numpy', 'opencv-python-headless')}\n\n{len(known)} known pairs\n")
    shares = []
    for seed in SEEDS:
        found = [len(known & set(neighbours(tables, count, seed))) for count in COUNTS]
        shares.append([seed, *found])
    print(table(["seed", *(f"among the nearest {count}" for count in COUNTS)], shares))


if __name__ == "__main__":
    main()
