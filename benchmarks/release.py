"""Release and verification of 5000 images, and a split of 50 000 images in 10 000 groups.

Run: python benchmarks/release.py [--images N] [--rounds N] [--warm GB] [--split N] [--groups N]

The images are drawn: smooth noise, 256 x 256 pixels. The texts are those of RSITMD: the folder
``rsitmd_precomp`` in ``--data``, by default RSITMD_DATA, else ../shared/data. The import measures
the images: a release decodes none of them.

The release has two bare sides, which copy all files of the same release, hash the copies and sync
them: the commands `cp -r` and `sha256sum`, and Python in one thread (`shutil.copytree` and
`hashlib`, which uses the SHA instructions of the processor where `sha256sum` may not). The bare
side of the verification is `sha256sum` on the release. The sides alternate, and are whole commands;
a ratio compares two sides of one round.

The results are removed at the end, 5.3 GB a round. ext4 does not use the inodes of removed files
again for minutes, and looks at each of them whenever it creates a file: after `rm` of 5000 files,
the next 5000 take ten times as long to create.

A host may give a virtual machine its memory page by page, which slows whatever writes much.
With --warm, a process uses that much memory just before each side, so that it is at hand.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median

from importing import run
from ingest import SEED, draw
from machine import Parser, add_data_option, data_folder, environment, seconds, table

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.ingest.importing import import_dataset
from rsitmd_tools.splitting import Item, assign_splits
from rsitmd_tools.workspace import Workspace

SHARES = {"train": 0.72, "val": 0.18, "test": 0.10}


def drawn(folder: Path, count: int, texts: Dataset) -> Dataset:
    """Write images with the texts of another dataset."""
    draw(folder, count)
    (folder / "images").mkdir()
    written = [image for image in texts if all(map(str.strip, image.captions))]
    records = []
    for number in range(count):
        name = f"class{number % 10}_{number}.jpg"
        (folder / f"class{number % 10}" / f"{number}.jpg").rename(folder / "images" / name)
        sentences = tuple(Sentence(text) for text in written[number % len(written)].captions)
        records.append(ImageRecord(name, sentences, ("white roof",)))
    return Dataset("drawn", tuple(records), folder, "rsitmd", folder / "images")


def make_workspace(scratch: Path, count: int, texts: Dataset) -> Path:
    """Return a workspace that is ready for its release."""
    folder = scratch / "workspace"
    with Workspace.create(folder) as workspace:
        import_dataset(workspace, drawn(scratch / "drawn", count, texts))
    run("build", "split", folder)
    return folder


def cp_and_sha256sum(source: Path, target: Path) -> None:
    """Copy a folder, hash the copies, and sync them, by the commands of the system."""
    subprocess.run(["cp", "-r", "--", source, target], check=True)
    subprocess.run(
        ["find", target, "-type", "f", "-exec", "sha256sum", "--", "{}", "+"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    os.sync()


def copy_and_hash(source: Path, target: Path) -> None:
    """Copy a folder, hash the copies, and sync them."""
    shutil.copytree(source, target)
    for file in target.rglob("*"):
        if file.is_file():
            with file.open("rb") as stream:
                hashlib.file_digest(stream, "sha256")
    os.sync()


BARE = {"cp, sha256sum": cp_and_sha256sum, "shutil, hashlib": copy_and_hash}


def use_memory(gigabytes: float) -> None:
    """Use memory in another process, which gives it back."""
    code = f"import numpy; numpy.ones({int(gigabytes * 1e9) // 8})"
    subprocess.run([sys.executable, "-c", code], check=True)


def releases(
    workspace: Path, made: Path, rounds: int, warm: float
) -> Iterator[tuple[str, str, float, float]]:
    """Make releases in a folder; yield the work, its bare side, and the seconds of both sides."""

    def timed(work: Callable[[], object]) -> float:
        os.sync()
        if warm:
            use_memory(warm)
        return seconds(work)

    for number in range(rounds):
        release = made / f"release{number}"
        options = ("--version", "1.0.0", "-o", release, "--allow-no-licence")
        whole = timed(partial(run, "build", "release", workspace, *options))
        for name, bare in BARE.items():
            plain = timed(partial(bare, release, made / f"{name}{number}"))
            yield "another release" if number else "first release", name, plain, whole
        files = [path for path in release.rglob("*") if path.is_file()]
        sha256sum = ["sha256sum", "--", *map(str, files)]
        plain = timed(partial(subprocess.run, sha256sum, check=True, capture_output=True))
        yield "verify", "sha256sum", plain, timed(partial(run, "build", "verify", release))


def against_bare(workspace: Path, scratch: Path, rounds: int, warm: float) -> None:
    """Print the speed of release and verification against their bare sides."""
    times: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory(dir=scratch) as made:
        for work, bare, plain, whole in releases(workspace, Path(made), rounds, warm):
            times.setdefault((work, bare), []).append((plain, whole))
    rows = []
    for (work, bare), pairs in times.items():
        plain, whole = (median(side) for side in zip(*pairs, strict=True))
        ratios = [plain / whole for plain, whole in pairs]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        least = "0.8" if work == "verify" else "0.7"
        numbers = (f"{plain:.2f}", f"{whole:.2f}", f"{median(ratios):.2f}", spread, least)
        rows.append((work, bare, len(pairs), *numbers))
    columns = ("work", "bare side", "rounds", "bare, s", "command, s", "of its speed")
    print(table((*columns, "range", "at least"), rows))


def make_groups(folder: Path, count: int, groups: int) -> None:
    """Write a workspace whose images are in groups of exact duplicates, without image files."""
    Workspace.create(folder).close()
    with closing(sqlite3.connect(folder / "workspace.db")) as db, db:
        db.executemany(
            "INSERT INTO image (id, sha256, filename, category, number, source, width, height,"
            " pixel_sha256, phash, ingested_at) VALUES (?, ?, ?, ?, ?, '', 256, 256, ?, '', '')",
            [
                (
                    number + 1,
                    str(number),
                    f"class{number % 33}_{number}.tif",
                    f"class{number % 33}",
                    number,
                    str(number % groups),
                )
                for number in range(count)
            ],
        )


def split_speed(scratch: Path, count: int, groups: int) -> None:
    """Print the seconds of a split: the assignment alone, and the whole command."""
    items = [Item(str(n), f"class{n % 33}", str(n % groups)) for n in range(count)]
    alone = seconds(lambda: assign_splits(items, SHARES, SEED))
    make_groups(scratch / "groups", count, groups)
    whole = seconds(lambda: run("build", "split", scratch / "groups"))
    columns = ("images", "groups", "assignment alone, s", "whole command, s", "under, s")
    print(table(columns, [(count, groups, f"{alone:.2f}", f"{whole:.2f}", "20")]))


def arguments_of(description: str) -> argparse.ArgumentParser:
    """Return the arguments of a benchmark of releases."""
    parser = Parser(description=description)
    parser.add_argument("--images", type=int, default=5000)
    add_data_option(parser)
    parser.add_argument("--scratch", type=Path, help="keep the workspaces here")
    return parser


def kept_workspace(scratch: Path, images: int, data: Path) -> Path:
    """Return the workspace of a folder. Create it if it does not exist."""
    folder = scratch / "workspace"
    if not folder.exists():
        make_workspace(scratch, images, load_dataset(data_folder(data, "rsitmd_precomp")))
    return folder


def main() -> None:
    """Measure and print Markdown tables."""
    parser = arguments_of(__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--warm", type=float, default=0, metavar="GB", help="memory to use first")
    parser.add_argument("--split", type=int, default=50_000)
    parser.add_argument("--groups", type=int, default=10_000)
    arguments = parser.parse_args()
    print(environment("pillow", "numpy", seed=SEED), "\n")
    with tempfile.TemporaryDirectory() as place:
        scratch = arguments.scratch or Path(place)
        os.environ["RSITMD_CACHE"] = str(scratch / "cache")
        if arguments.images:
            workspace = kept_workspace(scratch, arguments.images, arguments.data)
            against_bare(workspace, scratch, arguments.rounds, arguments.warm)
        if arguments.split:
            print()
            split_speed(scratch, arguments.split, arguments.groups)
    print(f"\nload average at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
