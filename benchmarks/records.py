"""400 000 records in every format: how long they take to write and to read, and how much memory.

Run: python benchmarks/records.py [--records N] [FORMAT ...]

The records have one short sentence each (precomp: five sentences of 80 000 images), and no image
files. A process of its own writes and reads each format, so that its peak memory is its own. The
records themselves, which both ends hold, are in the first line.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import Parser, environment, seconds, table

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import FORMATS, load_dataset, save_dataset

NOTHING = "records in memory"


def records(count: int, each: int, folder: Path) -> Dataset:
    """Return images with ``count`` sentences, ``each`` of them a piece."""
    images = (
        ImageRecord(f"port_{n}.tif", (Sentence(f"Ship {n}, pier."),) * each, (), "train", "port")
        for n in range(count // each)
    )
    return Dataset("many", tuple(images), folder, "rsitmd")


def once(layout: str, count: int) -> None:
    """Write and read one format; print the seconds and the peak memory in MB as JSON."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        dataset = records(count, 5 if layout == "precomp" else 1, folder)
        times = [0.0, 0.0]
        if layout != NOTHING:
            times = [
                seconds(lambda: save_dataset(dataset, folder, layout)),
                seconds(lambda: load_dataset(folder, layout)),
            ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([*times, peak]))


def main() -> None:
    """Measure and print one Markdown table."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("formats", nargs="*", metavar="FORMAT")
    parser.add_argument("--records", type=int, default=400_000)
    parser.add_argument("--once", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        once(arguments.once, arguments.records)
        return
    writable = [name for name, layout in FORMATS.items() if layout.write is not None]
    print(f"{arguments.records} records; {environment()}\n")
    print(table(("format", "write, s", "read, s", "peak memory, MB"), ()), flush=True)
    for name in (NOTHING, *(arguments.formats or writable)):
        command = [sys.executable, __file__, "--once", name, "--records", str(arguments.records)]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        write, read, peak = json.loads(found)
        times = ("", "") if name == NOTHING else (f"{write:.1f}", f"{read:.1f}")
        row = (name if name == NOTHING else f"`{name}`", *times, f"{peak:.0f}")
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
