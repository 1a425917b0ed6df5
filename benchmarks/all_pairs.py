"""How many of all pairs of one place a search finds, without its choice of candidates.

Run: python benchmarks/all_pairs.py FOLDER_OF_IMAGES

All pairs of images of one category are verified, and so are the candidates of one search by visual
words. The category is the file name up to its last "_". Files whose name is a number, as those of
UCM-captions, have a category for each hundred.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from machine import Parser, environment
from pairs import wilson

from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.imaging.local_features import Features, strong_features
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.imaging.same_place import _features, neighbours_per_image, prove
from rsitmd_tools.imaging.visual_words import neighbours

Pair = tuple[int, int]


def category(path: Path) -> str:
    """Return the category that the name of a file tells."""
    if path.stem.isdecimal():
        return str((int(path.stem) - 1) // 100)
    return path.stem.rpartition("_")[0]


def is_one_place(pair: tuple[Features, Features]) -> bool:
    """Return whether two images show one place."""
    return prove(*pair) is not None


def verified(pairs: list[Pair], known: list[Features]) -> set[Pair]:
    """Return the pairs that show one place."""
    strong = [strong_features(found) for found in known]  # less to send to the workers
    results = map_in_order(is_one_place, [(strong[i], strong[j]) for i, j in pairs], chunk=64)
    return {pair for pair, same in zip(pairs, results, strict=True) if same}


def main() -> None:
    """Measure and print."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    files = sorted(given.folder.iterdir(), key=sha256_file)
    known = list(map_in_order(_features, files, chunk=8))
    names = [category(path) for path in files]
    every = [(i, j) for i, j in combinations(range(len(files)), 2) if names[i] == names[j]]
    true = verified(every, known)
    candidates = neighbours([each.descriptors for each in known], neighbours_per_image(len(files)))
    found = verified(candidates, known)
    print(environment("numpy", "opencv-python-headless", seed=0))
    print(f"{len(every)} pairs of one category, {len(true)} of one place")
    print(f"of these found by one search: {wilson(len(true & found), len(true))} %")
    print(f"{len(candidates)} candidates of the search, {len(found)} of one place")
    print("missed:", sorted((files[i].name, files[j].name) for i, j in true - found))


if __name__ == "__main__":
    main()
