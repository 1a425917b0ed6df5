"""Ingest of JPEGs against a bare Pillow loop, a second ingest, growth, and a diverse choice.

Run: python benchmarks/ingest.py [--images N] [--rounds N] [--grow N...] [--known N] [--features N]

The images are drawn: smooth noise, 256 to 400 pixels, JPEG quality 90. The bare loop decodes,
resizes, encodes and writes the same files in the same number of processes; it syncs nothing,
hashes nothing and has no database. Both sides alternate; a ratio compares two sides of one round.
Each side starts its own processes, and what the other side left to be written is written before.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from machine import Parser, cores, environment, processor_time, seconds, table
from PIL import Image

from rsitmd_tools.imaging.decode import central_square
from rsitmd_tools.ingest import ingest
from rsitmd_tools.ingest.normalise import encode_tiff
from rsitmd_tools.ingest.sampling import FEATURES, LEVELS, farthest_first
from rsitmd_tools.ingest.scan import scan
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.sources import RACY_NS

SEED = 0
SIZE = 256


def draw(folder: Path, count: int, first: int = 0) -> None:
    """Write JPEGs of smooth coloured noise, about as large as photographs."""
    for number in range(first, count):
        random = np.random.default_rng([SEED, number])
        side = int(random.integers(256, 401))
        coarse = random.integers(0, 256, (side // 6, side // 6, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
        file = folder / f"class{number % 10}" / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file, quality=90)


def bare(job: tuple[Path, Path]) -> None:
    """Decode, resize, encode and write one image."""
    source, target = job
    with Image.open(source) as image:
        image.draft("RGB", (2 * SIZE, 2 * SIZE))
        small = image.resize(
            (SIZE, SIZE),
            Image.Resampling.LANCZOS,
            box=central_square(*image.size),
            reducing_gap=2.0,
        )
    target.write_bytes(encode_tiff(small.convert("RGB")))


def bare_loop(files: list[Path], folder: Path, workers: int) -> None:
    """Run :func:`bare` on all files."""
    jobs = [(file, folder / f"{number}.tif") for number, file in enumerate(files)]
    if workers == 1:
        for job in jobs:
            bare(job)
        return
    with multiprocessing.get_context("forkserver").Pool(workers) as pool:
        pool.map(bare, jobs, chunksize=8)


def take_in(source: Path, folder: Path, workers: int) -> None:
    """Ingest a folder."""
    with Workspace.create(folder) as workspace:
        ingest(workspace, [source], workers=workers)


def timed(side: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds that a side takes, and the processor time of all of its processes."""
    os.sync()
    before = processor_time()
    wall = seconds(side)
    return wall, processor_time() - before


class Compared(NamedTuple):
    """Medians over rounds: seconds and processor time of both sides, and their ratios."""

    plain: float
    whole: float
    ratio: float
    plain_cpu: float
    whole_cpu: float
    cpu_ratio: float


def compare(source: Path, scratch: Path, rounds: int, workers: int) -> Compared:
    """Compare the bare loop with the ingest."""
    files = [found.path for found in scan([source]).found]
    times = []
    for number in range(rounds):
        folder = scratch / f"{len(files)}-{workers}-{number}"
        (folder / "bare").mkdir(parents=True)
        plain, plain_cpu = timed(partial(bare_loop, files, folder / "bare", workers))
        whole, whole_cpu = timed(partial(take_in, source, folder / "w", workers))
        ratios = plain / whole, plain_cpu / whole_cpu
        times.append((plain, whole, ratios[0], plain_cpu, whole_cpu, ratios[1]))
        shutil.rmtree(folder)
    return Compared(*(median(column) for column in zip(*times, strict=True)))


def against_bare(source: Path, scratch: Path, rounds: int) -> None:
    """Print the speed of an ingest against the bare loop."""
    found = compare(source, scratch, rounds, cores())
    rows = [
        ("seconds", f"{found.plain:.1f}", f"{found.whole:.1f}", f"{found.ratio:.2f}", "0.85"),
        (
            "processor time, seconds",
            f"{found.plain_cpu:.1f}",
            f"{found.whole_cpu:.1f}",
            f"{found.cpu_ratio:.2f}",
            "",
        ),
    ]
    print(table(("", "bare loop", "ingest", "of its speed", "at least"), rows))


def second(source: Path, scratch: Path, count: int) -> None:
    """Print the time of a second ingest of an unchanged folder."""
    take_in(source, scratch / "known", cores())
    with Workspace.open(scratch / "known", write=True) as workspace, workspace.transaction() as db:
        db.execute("UPDATE source_file SET read_ns = read_ns + ?", (2 * RACY_NS,))
    again = seconds(partial(take_in, source, scratch / "known", cores()))
    shutil.rmtree(scratch / "known")
    print(table(("unchanged files", "second ingest", "under"), [(count, f"{again:.2f} s", "1 s")]))


def growth(source: Path, scratch: Path, counts: list[int]) -> None:
    """Print the time by number of images and of processes."""
    rows = []
    done = 0
    for count in sorted(counts):
        draw(source, count, done)
        done = count
        for workers in (1, 2):
            found = compare(source, scratch, 1, workers)
            rows.append(
                (
                    count,
                    workers,
                    f"{found.whole:.1f}",
                    f"{found.plain:.1f}",
                    f"{found.ratio:.2f}",
                    f"{found.whole_cpu / count * 1000:.1f}",
                    f"{found.plain_cpu / count * 1000:.1f}",
                    f"{found.cpu_ratio:.2f}",
                )
            )
    columns = (
        "images",
        "processes",
        "seconds",
        "bare loop, seconds",
        "ratio",
        "processor time, ms per image",
        "bare loop, ms per image",
        "ratio of processor time",
    )
    print(table(columns, rows))


def choice(count: int) -> None:
    """Print time and memory of a diverse choice among random features."""
    random = np.random.default_rng(SEED)
    features = random.integers(0, LEVELS + 1, (count, FEATURES), dtype=np.uint8)
    values = features.astype(np.float32)
    time = seconds(lambda: farthest_first(values, 2000))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = (count, 2000, f"{time:.0f} s", f"{peak:.0f} MB")
    print(table(("features of", "choose", "farthest first", "peak memory"), [row]))


def main() -> None:
    """Measure and print Markdown tables."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--grow", type=int, nargs="*", default=[])
    parser.add_argument("--known", type=int, default=0)
    parser.add_argument("--features", type=int, default=0)
    arguments = parser.parse_args()
    print(environment("pillow", "numpy", seed=SEED), "\n")
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place)
        if arguments.images:
            draw(scratch / "images", arguments.images)
            against_bare(scratch / "images", scratch, arguments.rounds)
        if arguments.known:
            draw(scratch / "known-images", arguments.known)
            second(scratch / "known-images", scratch, arguments.known)
        if arguments.grow:
            growth(scratch / "grow", scratch, arguments.grow)
    if arguments.features:
        choice(arguments.features)
    print(f"\nload average at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
