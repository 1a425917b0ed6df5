"""Convert RSITMD without its images between all formats: 4743 images, 23 715 sentences.

Run: python benchmarks/converting.py [--times N] [DATASET]

Without DATASET a file of the same size is written: the sentences are drawn from a list of words.
The whole command is measured, its start included. Each format is written from `rsitmd`, and
`rsitmd` is written from each format.
"""

from __future__ import annotations

import resource
import shutil
import tempfile
from pathlib import Path
from statistics import median

from importing import SEED, draw, run
from machine import Parser, environment, seconds, table

from rsitmd_tools.formats import FORMATS, load_dataset, save_dataset


def processor_seconds() -> float:
    """Return the processor time of the commands so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure and print one Markdown table."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", nargs="?", type=Path)
    parser.add_argument("--times", type=int, default=5)
    arguments = parser.parse_args()
    names = [name for name, layout in FORMATS.items() if layout.write is not None]
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        data = load_dataset(arguments.dataset or draw(Path(scratch, "drawn")))
        source = Path(scratch, "source")
        source.mkdir()
        save_dataset(data, source, "rsitmd")
        for name in names:
            there, back = Path(scratch, "there"), Path(scratch, "back")
            times: dict[str, list[float]] = {"write": [], "read": []}
            before = processor_seconds()
            for _ in range(arguments.times):
                work = (source, there, "--to", name, "--images", "none")
                times["write"].append(seconds(lambda work=work: run("build", "convert", *work)))  # type: ignore[misc]
                work = (there, back, "--to", "rsitmd", "--images", "none")
                times["read"].append(seconds(lambda work=work: run("build", "convert", *work)))  # type: ignore[misc]
                assert len(load_dataset(back).captions()) == len(data.captions())
                shutil.rmtree(there)
                shutil.rmtree(back)
            cells = [f"{function(times[way]):.2f}" for way in times for function in (median, max)]
            each = (processor_seconds() - before) / (2 * arguments.times)
            rows.append((f"`{name}`", *cells, f"{each:.2f}", "3"))
    print(
        f"{len(data)} images, {len(data.captions())} sentences ({data.format}), median and slowest"
        f" of {arguments.times}. {environment('click', seed=SEED)}\n"
    )
    columns = (
        "format",
        "`rsitmd` to it: s",
        "slowest",
        "it to `rsitmd`: s",
        "slowest",
        "processor time of one: s",
        "at most: s",
    )
    print(table(columns, rows))


if __name__ == "__main__":
    main()
