"""The prior: ratios against plain NLTK, good Python, a bare fill; memory, threads, growth.

Run: python benchmarks/prior.py [--data FOLDER] [--quick] [--plot FILE]

FOLDER holds ``rsitmd_precomp``; by default RSITMD_DATA, else ../shared/data. What takes
hours is timed on a seeded sample of pairs and multiplied.
"""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from machine import (
    Parser,
    add_data_option,
    alternated,
    cores,
    data_folder,
    environment,
    seconds,
    table,
)
from prior_growth import SEED, generated, growth, memory
from prior_plain import GoodPython, pairwise

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.similarity.definitions import prepare
from rsitmd_tools.similarity.rows import map_blocks
from rsitmd_tools.text.tokens import tokenize

HASHED = bytes(100_000_000)
BARE = """
import sys, nltk, numba, numpy
shape, dtype = (int(sys.argv[2]), int(sys.argv[3])), sys.argv[4]
matrix = numpy.lib.format.open_memmap(sys.argv[1], "w+", dtype, shape)
matrix[:] = 0.5
matrix.flush()
"""


def sampled(data: Dataset, count: int) -> list[tuple[int, int]]:
    """Return seeded pairs of image and caption."""
    chance = random.Random(SEED)
    captions = len(data.captions())
    return [(chance.randrange(len(data)), chance.randrange(captions)) for _ in range(count)]


def command(path: Path, out: Path, *more: str) -> Callable[[], None]:
    """Return what runs the whole command in a new process."""
    arguments = [sys.executable, "-m", "rsitmd_tools", "build", "similarity", str(path)]

    def run() -> None:
        out.unlink(missing_ok=True)
        subprocess.run(
            [*arguments, "-o", str(out), *more], check=True, capture_output=True, text=True
        )

    return run


def main() -> None:
    """Measure, print a table of ratios and a table of growth."""
    parser = Parser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--quick", action="store_true", help="One repetition, smaller samples.")
    parser.add_argument("--plot", type=Path, help="Draw the growth.")
    arguments = parser.parse_args()
    folder = data_folder(arguments.data, "rsitmd_precomp")
    times = 1 if arguments.quick else 5
    train = load_dataset(folder).select("train")
    pairs = len(train) * len(train.captions())
    rows: list[tuple[str, str, str, str]] = []
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        found, pair = whole_command(folder, train, scratch, times)
        rows += found
        rows += kernels(train, pairs, times)
        rows += memory(folder, scratch)
        rows += large(train, scratch, times, pair)
    print(environment("numpy", "numba", "nltk", seed=SEED), "\n")
    print(table(("work", "against", "measured", "at least"), rows), "\n")
    growth(train, times, arguments.plot)


def whole_command(
    folder: Path, train: Dataset, scratch: Path, times: int
) -> tuple[list[tuple[str, str, str, str]], float]:
    """Measure the command on RSITMD's train split; return the script's time a pair too."""
    out, bare = scratch / "train.npy", scratch / "bare.npy"
    shape = [str(len(train)), str(len(train.captions()))]
    run = command(folder, out, "--split", "train", "--threads", "1")
    sample = sampled(train, 400)
    captions = train.captions()
    images = [image.captions for image in train]

    def plain() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for image, caption in sample:
                pairwise(images[image], captions[caption])

    run()  # compiles and fills the caches
    plain()
    found = alternated(
        {
            "command": lambda: seconds(run),
            "bare": lambda: seconds(
                lambda: subprocess.run(
                    [sys.executable, "-c", BARE, str(bare), *shape, "float64"], check=True
                )
            ),
            "plain": lambda: seconds(plain),
        },
        times,
    )
    pair = found["plain"] / len(sample)
    hours = pair * len(train) * len(captions) / 3600
    faster = hours * 3600 / found["command"]
    return [
        (
            f"whole command, {shape[0]} x {shape[1]}, float64: {found['command']:.2f} s",
            f"imports nltk and numba, saves such a matrix: {found['bare']:.2f} s",
            f"{found['command'] / found['bare']:.2f} x",
            "at most 3 x",
        ),
        (
            "the same",
            f"pairwise NLTK script, {pair * 1e3:.2f} ms a pair, {hours:.0f} h",
            f"{faster:,.0f} x faster",
            "60 000 x",
        ),
    ], pair


def kernels(train: Dataset, pairs: int, times: int) -> list[tuple[str, str, str, str]]:
    """Measure the kernel alone, warm, all on the same threads and in float64."""
    matrix = np.empty((len(train), len(train.captions())))
    similarity = prepare(train, "reference")

    def put(first: int, block: np.ndarray) -> None:
        matrix[first : first + len(block)] = block

    def kernel(threads: int | None = None) -> None:
        for _ in map_blocks(similarity, put, threads):
            pass

    class Constant:
        """Fills the same matrix, by the same blocks and threads."""

        shape = similarity.shape
        settings: dict[str, object] = {}  # noqa: RUF012

        def filler(self) -> Callable[[int, np.ndarray], None]:
            return lambda first, out: matrix[first : first + len(out)].fill(0.5)

    def fill() -> None:
        for _ in map_blocks(Constant(), lambda first, block: None, 1):
            pass

    good = GoodPython(train)
    chance = random.Random(SEED)
    columns = chance.sample(range(matrix.shape[1]), 2000)
    images = chance.sample(range(len(train)), 20)

    def python() -> list[list[float]]:
        return [good.row(image, columns) for image in images]

    kernel(1)
    fill()
    found = alternated(
        {
            "kernel": lambda: seconds(lambda: kernel(1)),
            "fill": lambda: seconds(fill),
            "good": lambda: seconds(python),
            "two": lambda: seconds(lambda: kernel(2)),
            "control": lambda: seconds(lambda: hash_by(1)),
            "control two": lambda: seconds(lambda: hash_by(2)),
        },
        times,
    )
    prints = []
    for threads in (1, 2):
        matrix.fill(-1.0)  # so that a run that writes nothing is seen
        kernel(threads)
        prints.append(hashlib.sha256(matrix).hexdigest())
    same = prints[0] == prints[1]
    np.testing.assert_allclose(python(), matrix[np.ix_(images, columns)], rtol=0, atol=1e-12)
    took = found["good"]
    faster = took / (len(images) * len(columns)) * pairs / found["kernel"]
    return [
        (
            f"kernel alone: {found['kernel']:.3f} s",
            f"good Python, {took / len(images) / len(columns) * 1e6:.1f} µs a pair",
            f"{faster:,.0f} x faster",
            "2 000 x",
        ),
        (
            "the same",
            f"filling the matrix with a constant: {found['fill']:.3f} s",
            f"{found['kernel'] / found['fill']:.1f} x",
            "at most 7 x",
        ),
        (
            f"2 threads of {cores()} cores: {found['two']:.3f} s",
            f"1 thread: {found['kernel']:.3f} s",
            f"{found['kernel'] / found['two']:.2f} x faster, where two threads that hash are "
            f"{2 * found['control'] / found['control two']:.2f} x; "
            f"same bits: {'yes' if same else 'NO'}",
            "same bits",
        ),
        meteor(train, pairs, times),
    ]


def hash_by(threads: int) -> None:
    """Hash by threads that share nothing: what the machine gives two threads just now."""
    workers = [
        threading.Thread(target=lambda: hashlib.sha256(HASHED).digest()) for _ in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def meteor(train: Dataset, pairs: int, times: int) -> tuple[str, str, str, str]:
    """Measure METEOR of all pairs against NLTK on a sample."""
    from nltk.translate.meteor_score import meteor_score

    similarity = prepare(train, "paper", (0.0, 1.0))
    sums = []

    def all_pairs() -> None:
        sums[:] = map_blocks(similarity, lambda first, block: float(block.sum()), 1)

    captions = [[t.lower() for t in tokenize(c)] for c in train.captions()]
    own = GoodPython(train).own
    none = SimpleNamespace(synsets=lambda word: [])
    sample = [(i, c) for i, c in sampled(train, 2000) if captions[own[i][0]] and captions[c]]

    def plain() -> None:
        for image, caption in sample:
            meteor_score([captions[r] for r in own[image]], captions[caption], wordnet=none)

    found = alternated(
        {"kernel": lambda: seconds(all_pairs), "nltk": lambda: seconds(plain)}, min(times, 3)
    )
    took, pair = found["kernel"], found["nltk"] / len(sample)
    return (
        f"METEOR of all pairs, exact and stem stages: {took:.2f} s",
        f"NLTK, {pair * 1e6:.0f} µs a pair",
        f"{pair * pairs / took:,.0f} x faster",
        "4 000 x",
    )


def large(
    train: Dataset, scratch: Path, times: int, pair: float
) -> list[tuple[str, str, str, str]]:
    """Measure the command at RSICD's size, on text of RSITMD's words."""
    data = generated(train, 9828)
    save_dataset(data, scratch, "rsitmd")
    run = command(scratch, scratch / "large.npy", "--dtype", "float32")
    took = sorted(seconds(run) for _ in range(min(times, 3)))
    (scratch / "large.npy").unlink()
    return [
        (
            "whole command, 9828 x 49 140, float32, 1.9 GB",
            f"pairwise script, {pair * 9828 * 49140 / 86400:.1f} days",
            f"{took[len(took) // 2]:.1f} s",
            "under 15 s",
        )
    ]


if __name__ == "__main__":
    main()
