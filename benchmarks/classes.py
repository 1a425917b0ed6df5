"""What confusing the classes costs runs of ucm.py: their scores without those of other classes.

Run: python benchmarks/classes.py DATA RUN...

Of each run the ten images of each class that its seed held out are searched; no test image is
looked at. "Own class alone" puts the pairs of two classes below all others: what a model would
reach that never confused them and knew within a class what it knows now.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from machine import Parser, environment, not_measured, table
from ucm import A_CLASS, number, with_block

from rsitmd_tools.baselines.data.images import decode_images
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.scoring import score_matrix
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.training.module import validation_recall
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.formats import load_dataset

VIEWS = (1, 8)


def of_run(folder: Path, data: Dataset) -> list[str]:
    """Return a row of the table."""
    model, tokenizer, config = Run(folder).load()
    gallery = Gallery.of(with_block(data, config.seed), "val")
    part = gallery.part
    classes = np.array([(number(image) - 1) // A_CLASS for image in part])
    own = classes[:, None] == classes[gallery.owners][None]
    cells = [str(Path(*folder.parts[-2:]))]
    with tempfile.TemporaryDirectory() as scratch:
        pixels = decode_images(part, config.image_size, Path(scratch) / "images.npy")
        for views in VIEWS:
            keywords = tokenizer.keywords_of(part)
            scores = score_matrix(model, tokenizer, pixels, part.captions(), keywords, views)
            alone = np.where(own, scores, scores.min() - 1)
            found = [validation_recall(each, gallery.owners) for each in (scores, alone)]
            cells += [f"{recall:.2f}" for recall in found]
    return cells


def main() -> None:
    """Print the table."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("runs", type=Path, nargs="*")
    arguments = parser.parse_args()
    if not arguments.runs:
        not_measured("name DATA and RUN... of ucm.py")
    data = load_dataset(arguments.data)
    rows = [of_run(run, data) for run in arguments.runs]
    print(environment("torch", "timm"))
    columns = ["run", "as it is", "own class alone", "eight views", "eight views, own class alone"]
    print(f"\n{table(columns, rows)}")


if __name__ == "__main__":
    main()
