"""Locating in a scene: speed against encoding the same slices, second query, peak memory.

Run: python benchmarks/locate.py RUN [--side 2048] [--only compare|memory|command] [--scene FILE]

The scene is noise, drawn by seed 0, as a tiled GeoTIFF. "Encoding" gets the pixels of all slices,
resized, from memory; "locating" reads, cuts, resizes, encodes and keeps the features. The second
query asks another sentence for the same scene, as the search page does. The peak memory is that of
a process that locates in a scene of SIDE x SIDE pixels. "command" runs
``rsitmd benchmark locate`` for a second sentence, three times, with all three files; FILE is a
scene for it instead of noise.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from subprocess import DEVNULL

import numpy as np
import rasterio
import torch
from machine import Parser, alternated, environment, seconds, table

from rsitmd_tools.baselines.data.images import unit_images
from rsitmd_tools.baselines.localisation.locate import Locator
from rsitmd_tools.baselines.localisation.scene_reader import Pixels, read_slices
from rsitmd_tools.baselines.localisation.slice_features import BATCH
from rsitmd_tools.baselines.localisation.slices import SCALES, slices_of
from rsitmd_tools.imaging.options import DEFAULTS
from rsitmd_tools.imaging.raster import open_raster

TIMES = 3
TEXT = "Two white planes on a grey runway."


def draw(path: Path, side: int) -> None:
    """Write a scene of noise in strips, so that drawing needs little memory."""
    random = np.random.default_rng(0)
    profile = {"driver": "GTiff", "width": side, "height": side, "count": 3, "dtype": "uint8"}
    with rasterio.open(path, "w", tiled=True, blockxsize=256, blockysize=256, **profile) as file:
        for top in range(0, side, 256):
            high = min(256, side - top)
            strip = random.integers(0, 256, (3, high, side), np.uint8)
            file.write(strip, window=((top, top + high), (0, side)))


@torch.no_grad()
def encode(locator: Locator, pixels: list[Pixels]) -> None:
    """Encode all slices, in batches."""
    for first in range(0, len(pixels), BATCH):
        locator.model.encode_images(unit_images(np.stack(pixels[first : first + BATCH])))


def compare(run: Path, side: int, folder: Path) -> None:
    """Print the speed of locating against that of encoding, and of the second query."""
    scene = folder / "scene.tif"
    draw(scene, side)
    locator = Locator(run, "cpu")
    slices = slices_of(side, side, SCALES)
    with open_raster(scene) as raster:
        found = read_slices(raster, slices, locator.config.image_size, DEFAULTS, None)
        pixels = [each for each in found if each is not None]
    turns = iter(range(100))

    def locating() -> float:
        # Each time another cache, so that all is encoded.
        os.environ["RSITMD_CACHE"] = str(folder / f"cache-{next(turns)}")
        return seconds(lambda: locator.scene(scene))

    encode(locator, pixels[:BATCH])
    taken = alternated(
        {"e": lambda: seconds(lambda: encode(locator, pixels)), "l": locating}, TIMES
    )
    known = locator.scene(scene)
    again = seconds(lambda: locator.locate(known, TEXT))
    rows = [
        ["slices", len(slices)],
        ["encoding alone, slices a second", f"{len(slices) / taken['e']:.1f}"],
        ["locating, slices a second", f"{len(slices) / taken['l']:.1f}"],
        ["ratio", f"{taken['e'] / taken['l']:.3f}"],
        ["second query, seconds", f"{again:.2f}"],
    ]
    print(table(["figure", "value"], rows))


def memory(run: Path, side: int, folder: Path) -> None:
    """Print the peak memory of locating."""
    os.environ["RSITMD_CACHE"] = str(folder / "cache")
    scene = folder / "scene.tif"
    draw(scene, side)
    locator = Locator(run, "cpu")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    known = locator.scene(scene)
    locator.locate(known, TEXT)
    first = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    again = seconds(lambda: locator.locate(known, "Boats on a river."))
    rows = [
        ["scene", f"{side} x {side}"],
        ["slices", len(slices_of(side, side, SCALES))],
        ["peak memory with the model loaded, MB", before // 1000],
        ["peak memory, MB", peak // 1000],
        ["first query, seconds", f"{first:.1f}"],
        ["second query in the same process, seconds", f"{again:.2f}"],
    ]
    print(table(["figure", "value"], rows))


def command(run: Path, scene: Path, folder: Path) -> None:
    """Print what a second sentence costs as a command."""
    os.environ["RSITMD_CACHE"] = str(folder / "cache")
    files = [part for name in ("a.png", "a.tif", "a.geojson") for part in ("-o", folder / name)]
    call = [sys.executable, "-m", "rsitmd_tools", "benchmark", "locate", run, scene, *files]

    def once(text: str) -> float:
        return seconds(lambda: subprocess.run([*call, "--text", text], check=True, stdout=DEVNULL))

    once(TEXT)
    walls, cpus = [], []
    for number in range(TIMES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        walls.append(once(f"{number + 2} boats on a river."))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    rows = [
        ["second sentence as a command, seconds", f"{median(walls):.2f}"],
        ["of processor time", f"{median(cpus):.2f}"],
    ]
    print(table(["figure", "value"], rows))


def main() -> None:
    """Run one of the measurements."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--only", choices=("compare", "memory", "command"), default="compare")
    parser.add_argument("--scene", type=Path)
    given = parser.parse_args()
    print(environment("torch", "rasterio", seed=0))
    with tempfile.TemporaryDirectory() as folder:
        if given.only == "command":
            scene = given.scene or Path(folder) / "scene.tif"
            if given.scene is None:
                draw(scene, given.side)
            command(given.run, scene, Path(folder))
            return
        job = compare if given.only == "compare" else memory
        job(given.run, given.side, Path(folder))


if __name__ == "__main__":
    main()
