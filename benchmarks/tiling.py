"""Tile a large scene: tiles a second and peak memory, against a bare loop over rasterio windows.

Run: python benchmarks/tiling.py [--size N] [--tile N] [--workers N] [--layout L] [SCENE]

Without SCENE a GeoTIFF of N x N pixels, four bands of 16 bits, is made (20 000 by default: 3.2 GB).
The bare loop reads the same windows of the same bands, maps the same range to 8 bits, encodes with
the same encoder and writes the files. It does not hash, count valid pixels, compare, sync to the
disk or keep records. It gets the range for nothing: `build ingest` finds it, and hashes the scene.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from machine import Parser, cores, environment, processor_time, table

SEED = 0
BANDS = (1, 2, 3)
LAYOUTS = {
    "tiled": {"tiled": True, "blockxsize": 256, "blockysize": 256},
    "striped": {},
    "deflate": {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate"},
}


def make_scene(path: Path, size: int, layout: str) -> None:
    """Write a scene of smooth noise, block by block."""
    import rasterio
    from affine import Affine
    from rasterio.windows import Window

    random = np.random.default_rng(SEED)
    side = 512
    coarse = random.integers(200, 9000, (64, 4, side // 8, side // 8), dtype=np.uint16)
    blocks = coarse.repeat(8, axis=2).repeat(8, axis=3)
    blocks = blocks + random.integers(0, 300, (4, side, side), dtype=np.uint16)
    profile = {
        "driver": "GTiff",
        "width": size,
        "height": size,
        "count": 4,
        "dtype": "uint16",
        "crs": "EPSG:32633",
        "transform": Affine(0.5, 0, 400_000, 0, -0.5, 5_000_000),
        "BIGTIFF": "IF_SAFER",
        **LAYOUTS[layout],
    }
    with rasterio.open(path, "w", **profile) as target:
        for row in range(0, size, side):
            for column in range(0, size, side):
                block = blocks[int(random.integers(len(blocks)))]
                high, wide = min(side, size - row), min(side, size - column)
                target.write(block[:, :high, :wide], window=Window(column, row, wide, high))


def bare_row(row: int, scene: Path, folder: Path, tile: int, limits: tuple[float, float]) -> int:
    """Cut one row of tiles; return how many."""
    import rasterio
    from PIL import Image
    from rasterio.windows import Window

    from rsitmd_tools.ingest.normalise import encode_tiff
    from rsitmd_tools.ingest.windows import starts

    low, high = limits
    with rasterio.Env(GDAL_CACHEMAX=64), rasterio.open(scene) as source:
        columns = starts(source.width, tile, tile)
        for column in columns:
            values = source.read(BANDS, window=Window(column, row, tile, tile))
            scaled = np.clip((values.astype(np.float32) - low) / (high - low), 0, 1) * 255
            pixels = np.ascontiguousarray(scaled.round().astype(np.uint8).transpose(1, 2, 0))
            file = folder / f"{row}_{column}.tif"
            file.write_bytes(encode_tiff(Image.fromarray(pixels)))
    return len(columns)


def bare(scene: Path, folder: Path, tile: int, workers: int, limits: tuple[float, float]) -> int:
    """Cut all rows, in as many processes as the ingest."""
    import rasterio

    from rsitmd_tools.ingest.windows import starts

    folder.mkdir()
    with rasterio.open(scene) as source:
        rows = starts(source.height, tile, tile)
    work = partial(bare_row, scene=scene, folder=folder, tile=tile, limits=limits)
    if workers == 1:
        return sum(map(work, rows))
    with multiprocessing.get_context("forkserver").Pool(workers) as pool:
        return sum(pool.imap(work, rows))


def ingest(scene: Path, folder: Path, tile: int, workers: int) -> int:
    """Tile with this package; return the number of tiles."""
    from rsitmd_tools.ingest.image_size import set_image_size
    from rsitmd_tools.ingest.plan import TileOptions
    from rsitmd_tools.ingest.tiles import ingest_tiles
    from rsitmd_tools.workspace import Workspace

    with Workspace.create(folder) as workspace:
        set_image_size(workspace, tile)
        return ingest_tiles(workspace, [scene], TileOptions(tile), workers=workers).added


def resident(group: int) -> int:
    """Return the memory of all processes of a group in bytes, shared pages by their part."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(status.read_text().rpartition(")")[2].split()[2]) != group:
                continue
            rollup = (status.parent / "smaps_rollup").read_text().splitlines()
        except (OSError, ValueError, IndexError):
            continue
        total += sum(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Pss:"))
    return total


def measured(arguments: list[str]) -> tuple[float, int, int, float]:
    """Run one side in its own process.

    Returns:
        Seconds, number of tiles, peak memory in bytes, and processor time in seconds.
    """
    os.sync()  # what the other side left to be written is written before
    started = subprocess.Popen(
        [sys.executable, __file__, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    peak = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.1):
            peak = max(peak, resident(started.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    out, _ = started.communicate()
    done.set()
    watcher.join()
    assert started.returncode == 0, arguments
    document = json.loads(out)
    return document["seconds"], document["tiles"], peak, document["cpu"]


def run_side(side: Callable[[], int]) -> None:
    """Run one side and print what it took."""
    began, before = time.perf_counter(), processor_time()
    count = side()
    took = time.perf_counter() - began
    print(json.dumps({"seconds": took, "tiles": count, "cpu": processor_time() - before}))


def limits_of(scene: Path) -> tuple[float, float]:
    """Return the range of values that the ingest uses."""
    from rsitmd_tools.imaging.raster import open_raster

    with open_raster(scene) as raster:
        limits = raster.value_range()
    assert limits is not None
    return limits.low, limits.high


def main() -> None:
    """Measure and print one Markdown table."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("scene", nargs="?", type=Path)
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument("--tile", type=int, default=256)
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--layout", choices=LAYOUTS, default="tiled")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--side", choices=("bare", "ingest"), help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--limits", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side == "bare":
        low, high = map(float, given.limits.split(","))
        run_side(lambda: bare(given.scene, given.into, given.tile, given.workers, (low, high)))
        return
    if given.side == "ingest":
        run_side(lambda: ingest(given.scene, given.into, given.tile, given.workers))
        return
    with tempfile.TemporaryDirectory() as scratch:
        scene = given.scene or Path(scratch, "scene.tif")
        if given.scene is None:
            make_scene(scene, given.size, given.layout)
        low, high = limits_of(scene)
        common = [str(scene), "--tile", str(given.tile), "--workers", str(given.workers)]
        found: dict[str, list[tuple[float, int, int, float]]] = {"bare": [], "ingest": []}
        for turn in range(given.times):
            for side, runs in found.items():
                with tempfile.TemporaryDirectory() as folder:
                    target = ["--side", side, "--into", str(Path(folder, f"{side}{turn}"))]
                    runs.append(measured([*common, *target, "--limits", f"{low!r},{high!r}"]))
        megabytes = scene.stat().st_size / 1e6
    best = {side: min(runs) for side, runs in found.items()}
    assert best["bare"][1] == best["ingest"][1], "the sides cut different tiles"
    ratio = best["bare"][0] / best["ingest"][0]
    cpu = {side: min(run[3] for run in runs) for side, runs in found.items()}
    peak = max(run[2] for run in found["ingest"])
    print(f"A scene of {megabytes:.0f} MB, {best['bare'][1]} tiles, {given.workers} processes.")
    print(f"{environment('rasterio', 'pillow', 'numpy', seed=SEED)}\n")
    print(
        table(
            ("side", "seconds", "tiles a second", "processor time, ms per tile", "peak memory"),
            [
                (
                    name,
                    f"{best[side][0]:.1f}",
                    f"{best[side][1] / best[side][0]:.0f}",
                    f"{cpu[side] / best[side][1] * 1000:.2f}",
                    f"{max(run[2] for run in found[side]) / 1e6:.0f} MB",
                )
                for side, name in (("bare", "a bare loop"), ("ingest", "build ingest --tile"))
            ],
        )
    )
    print(f"\n{ratio:.2f} of the speed of the bare loop; peak memory {peak / 1e6:.0f} MB")
    print(f"by processor time {cpu['bare'] / cpu['ingest']:.2f}")
    print(f"load average at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
