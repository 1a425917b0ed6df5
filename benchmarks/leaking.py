"""What a test score loses if the test images that leak are taken out.

Run: rsitmd build overlap DATA --same-place --json > pairs.json
     rsitmd benchmark evaluate RUN DATA
     python benchmarks/leaking.py pairs.json RUN...

A test image leaks if it shows the picture or the place of a training image. The gallery stays as
it is, and the queries of these images are left out: an image to text query, and those of its
sentences. Both means are of the same model and the same draws of images.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from machine import Parser, environment, table

from rsitmd_tools.baselines.evaluation.queries import Queries, read_queries

SEED = 0
DRAWS = 10_000
Floats = npt.NDArray[np.float64]


def leaking(file: Path) -> set[str]:
    """Return the test images of the pairs of ``build overlap`` that cross into training."""
    found = set()
    for pair in json.loads(file.read_text(encoding="utf-8"))["pairs"]:
        sides = {pair["split_a"]: pair["image_a"], pair["split_b"]: pair["image_b"]}
        if set(sides) == {"train", "test"}:
            found.add(sides["test"])
    return found


def mean_recall(queries: Queries, counts: Floats) -> Floats:
    """Return the mean of the six recalls in percent.

    Args:
        queries: The hits of all queries.
        counts: ``(D, N)``, how often each image counts in each of D draws.
    """
    texts = np.bincount(queries.owners, minlength=len(queries.images))
    sums = np.stack(
        [
            np.bincount(queries.owners, column, len(queries.images))
            for column in queries.text_hits.T
        ],
        axis=1,
    )
    of_images = counts @ queries.image_hits / counts.sum(axis=1, keepdims=True)
    of_texts = counts @ sums / (counts @ texts)[:, None]
    recalls: Floats = np.concatenate([of_images, of_texts], axis=1).mean(axis=1)
    return 100 * recalls


def interval(values: Floats) -> str:
    """Return the middle 95 % of values."""
    low, high = np.percentile(values, [2.5, 97.5])
    return f"{low:.2f} to {high:.2f}"


def row(run: Path, leaks: set[str]) -> tuple[str, ...]:
    """Return the row of a run."""
    queries = read_queries(run / "queries.csv")
    clean = np.array([name not in leaks for name in queries.images], np.float64)
    if clean.all():
        raise SystemExit(f"{run}: no test image leaks")
    random = np.random.default_rng(SEED)
    number = len(queries.images)
    draws = random.multinomial(number, np.full(number, 1 / number), DRAWS).astype(np.float64)
    every, alone = np.ones((1, number)), (1 - clean)[None]
    whole, without = mean_recall(queries, every)[0], mean_recall(queries, every * clean)[0]
    drawn, drawn_clean = mean_recall(queries, draws), mean_recall(queries, draws * clean)
    return (
        str(run),
        f"{whole:.2f} ({interval(drawn)})",
        f"{without:.2f} ({interval(drawn_clean)})",
        f"{without - whole:+.2f} ({interval(drawn_clean - drawn)})",
        f"{mean_recall(queries, alone)[0]:.1f}",
    )


def main() -> None:
    """Print a Markdown table."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("runs", nargs="+", type=Path)
    arguments = parser.parse_args()
    leaks = leaking(arguments.pairs)
    print(environment("torch", "numpy", seed=SEED))
    print(f"{len(leaks)} test images leak: {', '.join(sorted(leaks))}\n")
    columns = ("run", "mR of all queries", "mR without them", "difference", "mR of them alone")
    print(table(columns, [row(run, leaks) for run in arguments.runs]))


if __name__ == "__main__":
    main()
