"""A scene made of known images, so that the truth of each query is known.

Run: python benchmarks/locate_mosaic.py RUN UCM -o OUT [--seed 0]

Test images of UCM-captions are laid out in a square of 14 x 14 cells of 256 pixels: 196 of the 210,
in an order drawn by the seed. For each of five sentences, which stand for one category each, the
cells of that category are the polygons. Prints SeLo's metrics for each sentence, and those of the
same map against the cells of 20 other choices of as many cells, drawn by the seed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from machine import environment, table
from PIL import Image

from rsitmd_tools.baselines.localisation.ground_truth import Polygon, Truth
from rsitmd_tools.baselines.localisation.locate import Locator
from rsitmd_tools.baselines.localisation.map_files import write_maps
from rsitmd_tools.baselines.localisation.selo_metrics import Metrics, measure
from rsitmd_tools.formats import load_dataset

SIDE, CELLS, DRAWS = 256, 14, 20
PER_CATEGORY = 100  # image N is the N-th of UC Merced, in the order of the categories
# The sentences are written for this script; the number is that of the category in UC Merced.
QUERIES = {
    "There are several airplanes at the airport.": 1,
    "A baseball diamond with green grass.": 2,
    "Waves break on the sandy beach.": 3,
    "Many boats are moored in the harbor.": 10,
    "A parking lot full of cars.": 15,
}


def mosaic(ucm: Path, target: Path, seed: int) -> list[int]:
    """Write the mosaic; return the category of each cell, row by row."""
    data = load_dataset(ucm)
    images = [image for image in data.images if image.split == "test"]
    order = np.random.default_rng(seed).permutation(len(images))[: CELLS * CELLS]
    scene = Image.new("RGB", (SIDE * CELLS,) * 2)
    categories = []
    for cell, number in enumerate(order.tolist()):
        with Image.open(data.image_path(images[number])) as opened:
            tile = opened.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        scene.paste(tile, (cell % CELLS * SIDE, cell // CELLS * SIDE))
        categories.append((int(Path(images[number].filename).stem) - 1) // PER_CATEGORY)
    scene.save(target)
    return categories


def cells(source: Path, chosen: list[int]) -> Truth:
    """Return cells as polygons."""
    corners = np.array([(0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE)], np.float64)
    places = [(cell % CELLS * SIDE, cell // CELLS * SIDE) for cell in chosen]
    return Truth(source, tuple(Polygon(corners + place) for place in places))


def row(name: str, of: Metrics) -> list[object]:
    """Return a row of the table."""
    return [name, *(f"{value:.3f}" for value in of.document().values())]


def main() -> None:
    """Make the mosaic, locate each sentence and print the metrics."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("ucm", type=Path)
    parser.add_argument("-o", dest="out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    scene = given.out / "mosaic.png"
    categories = np.array(mosaic(given.ucm, scene, given.seed))
    locator = Locator(given.run, "cpu")
    known = locator.scene(scene)
    random = np.random.default_rng(given.seed)
    rows = []
    for number, (text, category) in enumerate(QUERIES.items()):
        chosen = np.flatnonzero(categories == category).tolist()
        found = locator.locate(known, text, truth=cells(scene, chosen))
        assert found.metrics is not None
        rows.append(row(f"{text} ({len(chosen)} cells)", found.metrics))
        others = [
            measure(
                found.heat,
                cells(scene, random.permutation(len(categories))[: len(chosen)].tolist()),
            )
            for _ in range(DRAWS)
        ]
        means = [
            float(np.mean(values))
            for values in zip(*(o.document().values() for o in others), strict=True)
        ]
        rows.append(row("as many random cells, mean of 20", Metrics(*means)))
        write_maps(found, [given.out / f"query-{number}.png"])
    print(environment("torch", seed=given.seed))
    print(table(["sentence", "Rsu", "Ras", "Rda", "Rmi"], rows))


if __name__ == "__main__":
    main()
