"""Import RSITMD without its images: 4743 images, 23 715 sentences.

Run: python benchmarks/importing.py [--times N] [DATASET]

Without DATASET a file of the same size is written: the sentences are drawn from a list of words.
The whole command is measured, its start included, beside a start that only prints its help.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from machine import Parser, environment, seconds, table

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.workspace import Workspace

SEED = 0
IMAGES, PER_IMAGE = 4743, 5
WORDS = ("two", "white", "grey", "long", "boats", "planes", "trees", "beside", "a", "pier")


def draw(folder: Path) -> Path:
    """Write a dataset of RSITMD's size in the layout of RSITMD.csv."""
    chance = random.Random(SEED)
    images = tuple(
        ImageRecord(
            f"class{number % 32}_{number}.tif",
            tuple(Sentence(" ".join(chance.choices(WORDS, k=12))) for _ in range(PER_IMAGE)),
            split=("test", "train")[number % 10 > 0],
        )
        for number in range(IMAGES)
    )
    save_dataset(Dataset("drawn", images, folder, "csv"), folder, "csv")
    return folder


def run(*arguments: object) -> None:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "rsitmd_tools", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Measure and print one Markdown table."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", nargs="?", type=Path)
    parser.add_argument("--times", type=int, default=5)
    arguments = parser.parse_args()
    steps: dict[str, list[float]] = {"start alone": [], "first import": [], "second import": []}
    with tempfile.TemporaryDirectory() as scratch:
        source = arguments.dataset or draw(Path(scratch, "drawn"))
        data = load_dataset(source)
        for number in range(arguments.times):
            folder = Path(scratch, f"workspace{number}")
            Workspace.create(folder).close()
            work = ("build", "import", folder, source, "--json")
            steps["start alone"].append(seconds(lambda: run("build", "import", "--help")))
            for name in ("first import", "second import"):
                steps[name].append(seconds(lambda work=work: run(*work)))  # type: ignore[misc]
            with Workspace.open(folder) as workspace:
                for kind, expected in (("image", len(data)), ("sentence", len(data.captions()))):
                    query = f"SELECT count(*) FROM imported_{kind}"
                    assert workspace.db.execute(query).fetchone()[0] == expected
    print(
        f"{len(data)} images, {len(data.captions())} sentences ({data.format}), median of"
        f" {arguments.times}. {environment('click', seed=SEED)}\n"
    )
    print(
        table(
            ("whole command", "seconds", "slowest", "at most"),
            [
                (name, f"{median(times):.2f}", f"{max(times):.2f}", "3" if "first" in name else "")
                for name, times in steps.items()
            ],
        )
    )


if __name__ == "__main__":
    main()
