"""Large datasets of texts: how the processor time and memory of commands grow with the images.

Run: python benchmarks/large.py [--images N ...] [--data DIR]

The texts are those of RSITMD (folder ``rsitmd_precomp``): five sentences drawn at random for each
image, half of them with a word of another sentence, so that most are distinct. There are no image
files. Each command is a process of its own. Processor time, unlike seconds, hardly depends on what
else runs; the peak memory is that of the largest process.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from importing import run
from machine import Parser, add_data_option, data_folder, environment, table

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import load_dataset, save_dataset

SEED = 0
CATEGORIES = 40


def drawn(count: int, texts: Dataset, folder: Path) -> Dataset:
    """Return images with texts that are drawn from those of another dataset."""
    generator = random.Random(SEED)
    written = [raw for raw in texts.captions() if raw.strip()]

    def sentence() -> Sentence:
        words = generator.choice(written).split()
        if generator.random() < 0.5:
            words.insert(len(words) // 2, generator.choice(generator.choice(written).split()))
        return Sentence(" ".join(words))

    splits = ("train",) * 8 + ("val", "test")
    records = (
        ImageRecord(
            f"class{n % CATEGORIES}_{n}.tif",
            tuple(sentence() for _ in range(5)),
            split=splits[n % 10],
            category=f"class{n % CATEGORIES}",
        )
        for n in range(count)
    )
    return Dataset("large", tuple(records), folder, "rsitmd")


def measured(*arguments: object) -> tuple[float, float]:
    """Run a command; return its processor time in seconds and its peak memory in MB."""
    command = [sys.executable, "-m", "rsitmd_tools", *map(str, arguments)]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 1):  # 1: findings
        raise RuntimeError(f"{' '.join(map(str, arguments))} ended with {code}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def rows(count: int, data: Path, scratch: Path) -> list[tuple[object, ...]]:
    """Return the rows of a table for one number of images."""
    folder = scratch / str(count)
    folder.mkdir()
    draw = [sys.executable, __file__, "--images", str(count), "--draw", folder, "--data", data]
    # In another process: the peak memory of a process is at least that of the one that started it.
    subprocess.run(draw, check=True)
    workspace = folder / "workspace"
    run("build", "init", workspace)
    ignored = ("--ignore", "D103")  # the missing image files
    report = ("--format", "json", "-o", folder / "findings.json")
    commands = {
        "validate": ("validate", folder, *ignored, *report),
        "validate --statistics": ("validate", folder, "--statistics"),
        "build convert --to csv": ("build", "convert", folder, folder / "csv", "--to", "csv"),
        "build import": ("build", "import", workspace, folder),
    }
    found = []
    for name, command in commands.items():
        time, memory = measured(*command)
        found.append(
            (f"`{name}`", count, f"{time:.0f}", f"{1e3 * time / count:.2f}", f"{memory:.0f}")
        )
        print(f"{name}: {count} images, {time:.0f} s", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Measure and print one Markdown table."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--draw", type=Path, help=argparse.SUPPRESS)
    add_data_option(parser)
    arguments = parser.parse_args()
    texts = data_folder(arguments.data, "rsitmd_precomp")
    if arguments.draw:
        dataset = drawn(arguments.images[0], load_dataset(texts), arguments.draw)
        save_dataset(dataset, arguments.draw, "rsitmd")
        return
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as place:
        scratch = Path(place)
        found = [row for count in arguments.images for row in rows(count, arguments.data, scratch)]
    print(f"{environment(seed=SEED)}\n")
    columns = ("command", "images", "processor s", "ms per image", "peak memory, MB")
    print(table(columns, sorted(found, key=lambda row: str(row[0]))))


if __name__ == "__main__":
    main()
