"""A scene made of known images, so that the truth of each query is known.

Run: python benchmarks/locate_mosaic.py UCM WEIGHTS -o OUT [--seed 0]

UCM holds UCM-captions; WEIGHTS is a file for tf_efficientnet_lite0, converted by `rsitmd benchmark
weights`. VSE++ is trained on every ninth training image, heads on the frozen backbone, to OUT/run.
36 test images are laid out in 6 x 6 cells of 256 pixels, in an order drawn by the seed: three of
each of the five categories asked for, and 21 of others. For each sentence the cells of its category
are the polygons. Prints SeLo's metrics for each sentence, and the mean of those of the same map
against 20 choices of as many random cells.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from machine import Parser, environment, table
from PIL import Image

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.localisation.ground_truth import Polygon, Truth
from rsitmd_tools.baselines.localisation.locate import Locator
from rsitmd_tools.baselines.localisation.map_files import write_maps
from rsitmd_tools.baselines.localisation.selo_metrics import SeloMetrics, measure
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset, ImageRecord
from rsitmd_tools.formats import load_dataset

SIDE, CELLS, DRAWS, EACH, NINTH = 256, 6, 20, 3, 9
PER_CATEGORY = 100  # image N is the N-th of UC Merced, in the order of the categories
# The sentences are written for this script; the number is that of the category in UC Merced.
QUERIES = {
    "There are several airplanes at the airport.": 1,
    "A baseball diamond with green grass.": 2,
    "Waves break on the sandy beach.": 3,
    "Many boats are moored in the harbor.": 10,
    "A parking lot full of cars.": 15,
}


SETTINGS = (
    "backbone=tf_efficientnet_lite0",
    "freeze_backbone=true",
    "image_size=96",
    "epochs=3",
    "lr=1e-3",
    "negatives=sum",
    "mask_equal=true",
    "margin.kind=fixed",
    "margin.value=0.2",
    "validate=false",
)


def category(image: ImageRecord) -> int:
    """Return the number of the category of an image."""
    return (int(Path(image.filename).stem) - 1) // PER_CATEGORY


def trained(data: Dataset, weights: Path, folder: Path, seed: int) -> Path:
    """Return a run trained on every ninth training image; one that exists is kept."""
    if not (folder / "checkpoints" / "best.ckpt").exists():
        images = [image for image in data.images if image.split == "train"][::NINTH]
        changes = [*SETTINGS, f"weights={weights}", f"seed={seed}"]
        train(data.with_images(images), load_config("vsepp", changes), folder)
    return folder


def mosaic(data: Dataset, target: Path, seed: int) -> list[int]:
    """Write the mosaic; return the category of each cell, row by row."""
    random = np.random.default_rng(seed)
    test = [image for image in data.images if image.split == "test"]
    drawn = [test[number] for number in random.permutation(len(test)).tolist()]
    asked = set(QUERIES.values())
    chosen = [
        image
        for number in sorted(asked)
        for image in [image for image in drawn if category(image) == number][:EACH]
    ]
    others = [image for image in drawn if category(image) not in asked]
    chosen += others[: CELLS * CELLS - len(chosen)]
    scene = Image.new("RGB", (SIDE * CELLS,) * 2)
    found = []
    for cell, number in enumerate(random.permutation(len(chosen)).tolist()):
        with Image.open(data.image_path(chosen[number])) as opened:
            tile = opened.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        scene.paste(tile, (cell % CELLS * SIDE, cell // CELLS * SIDE))
        found.append(category(chosen[number]))
    scene.save(target)
    return found


def cells(source: Path, chosen: list[int]) -> Truth:
    """Return cells as polygons."""
    corners = np.array([(0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE)], np.float64)
    places = [(cell % CELLS * SIDE, cell // CELLS * SIDE) for cell in chosen]
    return Truth(source, tuple(Polygon(corners + place) for place in places))


def row(name: str, of: SeloMetrics) -> list[object]:
    """Return a row of the table."""
    return [name, *(f"{value:.3f}" for value in of.document().values())]


def main() -> None:
    """Make the mosaic, locate each sentence and print the metrics."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("ucm", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("-o", dest="out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    scene = given.out / "mosaic.png"
    data = load_dataset(given.ucm)
    categories = np.array(mosaic(data, scene, given.seed))
    locator = Locator(trained(data, given.weights, given.out / "run", given.seed), "cpu")
    known = locator.scene(scene)
    random = np.random.default_rng(given.seed)
    rows = []
    for number, (text, asked) in enumerate(QUERIES.items()):
        chosen = np.flatnonzero(categories == asked).tolist()
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
        rows.append(row("as many random cells, mean of 20", SeloMetrics(*means)))
        write_maps(found, [given.out / f"query-{number}.png"])
    print(environment("torch", seed=given.seed))
    print(table(["sentence", "Rsu", "Ras", "Rda", "Rmi"], rows))


if __name__ == "__main__":
    main()
