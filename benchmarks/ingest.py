"""Ingest 1000 images: images a second, and how many times a bare decode that is.

Run: python benchmarks/ingest.py [--images N] [--workers N] [FOLDER]

Without FOLDER the images are drawn: smooth noise, 256 to 400 pixels, JPEG quality 90.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from rsitmd_tools.ingest import ingest
from rsitmd_tools.ingest.scan import scan
from rsitmd_tools.workspace import Workspace


def draw(folder: Path, count: int) -> None:
    """Write JPEGs of smooth coloured noise, about as large as photographs."""
    random = np.random.default_rng(0)
    for number in range(count):
        side = int(random.integers(256, 401))
        coarse = random.integers(0, 256, (side // 6, side // 6, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
        file = folder / f"class{number % 10}" / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file, quality=90)


def bare_decode(files: list[Path]) -> float:
    """Return the seconds one process needs to decode the files and do nothing else."""
    began = time.perf_counter()
    for file in files:
        with Image.open(file) as image:
            image.load()
    return time.perf_counter() - began


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch, "images")
        if arguments.folder is None:
            draw(folder, arguments.images)
        files = [found.path for found in scan([folder]).found]
        decode = bare_decode(files)
        with Workspace.create(Path(scratch, "workspace")) as workspace:
            began = time.perf_counter()
            report = ingest(workspace, [folder], workers=arguments.workers)
            seconds = time.perf_counter() - began
            began = time.perf_counter()
            again = ingest(workspace, [folder], workers=arguments.workers)
            seconds_again = time.perf_counter() - began
    assert report.added + report.known == again.known == len(files)
    print(
        json.dumps(
            {
                "images": len(files),
                "workers": arguments.workers,
                "seconds": round(seconds, 2),
                "images_per_second": round(len(files) / seconds, 1),
                "bare_decode_seconds": round(decode, 2),
                "times_bare_decode": round(seconds / decode, 2),
                "seconds_again": round(seconds_again, 2),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
