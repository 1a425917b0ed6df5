"""Exact scores against FAISS: what a query of the search page costs, and what an index would save.

Run: python benchmarks/exact_search.py [--images 10000 100000] [--size 512] [--times 50]

Both sides get one encoded query and return the ten best of N unit vectors. "Exact" is what the
search page does: the product of all vectors with the query in PyTorch, on one thread as in the
server, and the choice of the best ones. ``IndexFlatIP`` is exact, ``IndexHNSWFlat`` is not: its
recall is the share of the ten best that it finds. The vectors are clusters, as those of images
are: 100 centres with noise. Needs ``faiss-cpu``, which the tool itself does not use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from machine import Parser, alternated, environment, not_measured, seconds, table

from rsitmd_tools.baselines.base import cosine_scorer
from rsitmd_tools.baselines.evaluation.trec import nearest

try:
    import faiss
except ImportError:
    not_measured("install faiss-cpu")

SEED = 0
BEST = 10
CENTRES = 100
LINKS = 32  # of HNSW, for each vector
Vectors = npt.NDArray[np.float32]


def drawn(count: int, size: int, random: np.random.Generator) -> Vectors:
    """Return unit vectors around a few centres, ``(count, size)``."""
    centres = random.normal(size=(CENTRES, size))
    values = centres[random.integers(CENTRES, size=count)]
    values += random.normal(size=(count, size))
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return values.astype(np.float32)


def row(count: int, size: int, times: int) -> Sequence[str]:
    """Measure one number of images."""
    random = np.random.default_rng(SEED)
    vectors = drawn(count, size, random)
    queries = iter(np.resize(vectors[:times] + random.normal(size=(times, size)) / 8, (9999, size)))
    scorer = cosine_scorer(torch.from_numpy(vectors))
    flat = faiss.IndexFlatIP(size)
    flat.add(vectors)
    graph = faiss.IndexHNSWFlat(size, LINKS, faiss.METRIC_INNER_PRODUCT)
    built = seconds(lambda: graph.add(vectors))

    def exact(query: Vectors) -> npt.NDArray[np.intp]:
        return nearest(scorer(torch.from_numpy(query))[:, 0].numpy(), BEST)

    def timed(search: Callable[[Vectors], object]) -> Callable[[], float]:
        def measure() -> float:
            query = next(queries)[None].astype(np.float32)
            return seconds(lambda: search(query))

        return measure

    found = alternated(
        {
            "exact": timed(exact),
            "flat": timed(lambda query: flat.search(query, BEST)),
            "graph": timed(lambda query: graph.search(query, BEST)),
        },
        times,
    )
    asked = [next(queries)[None].astype(np.float32) for _ in range(times)]
    hits = [np.isin(graph.search(q, BEST)[1][0], exact(q)).mean() for q in asked]
    milliseconds = [f"{1000 * found[name]:.2f}" for name in ("exact", "flat", "graph")]
    return [f"{count:,}", *milliseconds, f"{np.mean(hits):.2f}", f"{built:.0f}"]


def main() -> None:
    """Measure and print a Markdown table."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--times", type=int, default=50)
    given = parser.parse_args()
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    rows = [row(count, given.size, given.times) for count in given.images]
    columns = (
        "images",
        "exact, ms",
        "IndexFlatIP, ms",
        "IndexHNSWFlat, ms",
        "its recall",
        "its construction, s",
    )
    print(table(columns, rows))
    print(environment("torch", "numpy", "faiss-cpu", seed=SEED))


if __name__ == "__main__":
    main()
