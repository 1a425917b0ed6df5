"""What neighbours by features of a backbone add to a search for images of one place.

Run: python benchmarks/pairs_features.py FOLDER --weights FILE [--known CSV] [--images 100]

The images of FOLDER are searched by visual words alone, and then with the neighbours by features of
a frozen backbone as more candidates. `rsitmd build overlap --same-place --features RUN` takes the
features of a run instead. The cuts of pairs.py are searched too. Pairs that only the second search
finds are listed.
"""

from __future__ import annotations

import csv
import random
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from machine import Parser, environment, table
from pairs import ENOUGH, SEED, SIDE, all_cuts, opened, wilson

from rsitmd_tools.baselines.backbone import make_backbone
from rsitmd_tools.imaging.same_place import NEIGHBOURS, PlacePair, same_place_pairs
from rsitmd_tools.imaging.visual_words import nearest_embeddings

BATCH = 32
Pairs = set[tuple[int, int]]


class Search:
    """The three ways to find the pairs of images of one place.

    Attributes:
        words: The pairs that the search by visual words finds.
        neighbours: The candidates by features of the backbone, not verified.
        both: The pairs that the search with both finds.
        cost: Processor seconds of the features and of the second search.
    """

    def __init__(
        self, paths: Sequence[Path], backbone: torch.nn.Module, cache: Path | None
    ) -> None:
        self.words = _found(same_place_pairs(paths, cache=cache, workers=1))
        began = time.process_time()
        embeddings = embedded(paths, backbone)
        self.neighbours = set(nearest_embeddings(embeddings, NEIGHBOURS))
        self.both = _found(same_place_pairs(paths, cache=cache, embeddings=embeddings, workers=1))
        self.cost = time.process_time() - began

    def row(self, name: str, true: Pairs) -> tuple[str, ...]:
        """Return the shares of the true pairs that each way finds."""
        shares = [wilson(len(true & way), len(true)) for way in (self.words, self.both)]
        return (name, str(len(true)), *shares, wilson(len(true & self.neighbours), len(true)))


def _found(pairs: Sequence[PlacePair]) -> Pairs:
    return {(pair.first, pair.second) for pair in pairs}


@torch.inference_mode()
def embedded(
    paths: Sequence[Path], backbone: torch.nn.Module, side: int = SIDE
) -> npt.NDArray[np.float32]:
    """Return the mean of the last map of the backbone for each image, ``(N, C)``."""
    rows = []
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(paths), BATCH):
            decoded = pool.map(opened, paths[start : start + BATCH], repeat(side))
            pixels = np.stack([np.asarray(image) for image in decoded])
            images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
            rows.append(backbone(images)[-1].mean(dim=(2, 3)).numpy())
    return np.concatenate(rows)


def real(folder: Path, known: Path, backbone: torch.nn.Module) -> tuple[str, ...]:
    """Search the images as they are; print the pairs that only both ways together find."""
    files = sorted(folder.iterdir())
    place = {path.name: index for index, path in enumerate(files)}
    with known.open(newline="") as file:
        rows = [(row["first"], row["second"], row["same_place"]) for row in csv.DictReader(file)]
    true: Pairs = {_ordered(place[a], place[b]) for a, b, same in rows if same == "yes"}
    search = Search(files, backbone, None)
    new = [(files[i].name, files[j].name) for i, j in sorted(search.both - search.words)]
    print(f"{search.cost:.0f} processor seconds more for {len(files)} images")
    print(f"only found with features: {new}")
    print(f"of these not in the list of known pairs: {len(search.both - search.words - true)}\n")
    return search.row("known pairs", true)


def _ordered(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)


def made(folder: Path, count: int, backbone: torch.nn.Module, scratch: Path) -> list[Sequence[str]]:
    """Search the cuts of each kind."""
    files = sorted(folder.iterdir())
    chosen = random.Random(SEED).sample(files, min(count, len(files)))
    rows: list[Sequence[str]] = []
    for what, overlap, pairs in all_cuts(chosen):
        if overlap < ENOUGH:
            continue
        paths = [scratch / f"{index}-{side}.png" for index in range(len(pairs)) for side in "ab"]
        for path, image in zip(paths, (image for pair in pairs for image in pair), strict=True):
            image.save(path)
        search = Search(paths, backbone, scratch / "cache")
        rows.append(search.row(what, {(2 * k, 2 * k + 1) for k in range(len(pairs))}))
    return rows


def main() -> None:
    """Measure and print Markdown tables."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--known", type=Path, help="CSV of known pairs; without it, only cuts")
    parser.add_argument("--weights", required=True, help="weights of the backbone (safetensors)")
    parser.add_argument("--backbone", default="tf_efficientnet_lite0", help="a timm name")
    parser.add_argument("--images", type=int, default=100, help="images to cut; 0: none")
    arguments = parser.parse_args()
    backbone = make_backbone(arguments.backbone, arguments.weights, SIDE).eval()
    print(f"{environment('torch', 'timm', 'opencv-python-headless', seed=SEED)}\n")
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place)
        rows: list[Sequence[str]] = []
        if arguments.known:
            rows.append(real(arguments.folder, arguments.known, backbone))
        if arguments.images:
            rows += made(arguments.folder, arguments.images, backbone, scratch)
    columns = ["pairs", "number", "words, %", "words and features, %", "near by features, %"]
    print(table(columns, rows))


if __name__ == "__main__":
    main()
