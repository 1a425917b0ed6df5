"""Ingest 1000 images: images a second, and how many times a bare decode that is.

Run: python benchmarks/ingest.py [--images N] [--workers N] [FOLDER]

Without FOLDER the images are drawn: smooth noise, 256 to 400 pixels, JPEG quality 90.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from machine import cores, environment, seconds, table
from PIL import Image

from rsitmd_tools.ingest import ingest
from rsitmd_tools.ingest.scan import scan
from rsitmd_tools.workspace import Workspace

SEED = 0


def draw(folder: Path, count: int) -> None:
    """Write JPEGs of smooth coloured noise, about as large as photographs."""
    random = np.random.default_rng(SEED)
    for number in range(count):
        side = int(random.integers(256, 401))
        coarse = random.integers(0, 256, (side // 6, side // 6, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
        file = folder / f"class{number % 10}" / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file, quality=90)


def bare_decode(files: list[Path]) -> None:
    """Decode the files in one process and do nothing else."""
    for file in files:
        with Image.open(file) as image:
            image.load()


def main() -> None:
    """Measure and print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=cores())
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch, "images")
        if arguments.folder is None:
            draw(folder, arguments.images)
        files = [found.path for found in scan([folder]).found]
        bare = seconds(lambda: bare_decode(files))
        rows: list[tuple[str, float]] = [("decode alone, one process", bare)]
        for workers in sorted({1, arguments.workers}):
            with Workspace.create(Path(scratch, f"workspace{workers}")) as workspace:
                first = partial(ingest, workspace, [folder], workers=workers)
                rows.append((f"ingest, {workers} processes", seconds(first)))
                rows.append((f"the same again, {workers} processes", seconds(first)))
                taken = workspace.db.execute("SELECT count(*) FROM image").fetchone()[0]
                assert taken == len(files), "not every file went in"
    print(f"{len(files)} images. {environment('pillow', 'imagehash', 'numpy', seed=SEED)}\n")
    print(
        table(
            ("step", "seconds", "images a second", "times the decoding"),
            [
                (name, f"{time:.1f}", f"{len(files) / time:.0f}", f"{time / bare:.1f}")
                for name, time in rows
            ],
        )
    )


if __name__ == "__main__":
    main()
