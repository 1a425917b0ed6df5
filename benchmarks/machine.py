"""What a benchmark ran on, and how it is printed; run alone, it prints the machine.

Run: python benchmarks/machine.py
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from multiprocessing import forkserver
from pathlib import Path
from statistics import median
from typing import NoReturn

from rsitmd_tools import __version__
from rsitmd_tools.provenance import processor

MALLOC = ("GLIBC_TUNABLES", "PYTHONMALLOC")  # what changes the time of every program
# Exit status of a script without the data, weights or packages that it needs. No other error ends
# with it; argparse ends with 2.
NOT_MEASURED = 77


def not_measured(why: str) -> NoReturn:
    """Print in one line why nothing is measured, and exit."""
    print(f"{Path(sys.argv[0]).stem}: not measured; {why}", file=sys.stderr)
    sys.exit(NOT_MEASURED)


class Parser(argparse.ArgumentParser):
    """The arguments of a script, which `make bench` runs without any.

    A script that requires some is then not measured. Wrong arguments are an error as usual.
    """

    def error(self, message: str) -> NoReturn:
        """Exit; without arguments, the message says which are required."""
        if sys.argv[1:]:
            super().error(message)
        not_measured(message)


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--data``, the folder of real data: by default RSITMD_DATA, else ../shared/data."""
    default = os.environ.get("RSITMD_DATA", Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))


def data_folder(data: Path, name: str) -> Path:
    """Return a folder of the real data; exit where it is absent."""
    if not (data / name).is_dir():
        not_measured(f"no folder {data / name}; set RSITMD_DATA or add --data FOLDER")
    return data / name


def environment(*packages: str, seed: int | None = None) -> str:
    """Return a line that names the machine, versions of packages, the seed, the command.

    Args:
        packages: Distributions whose versions matter.
        seed: Of what was drawn at random.
    """
    versions = [f"Python {platform.python_version()}"]
    # The tool itself may run from a checkout that is not installed.
    versions += [f"rsitmd-tools {__version__}", *(f"{name} {version(name)}" for name in packages)]
    # Folders of a machine say nothing to others.
    arguments = [Path(given).name if given.startswith("/") else given for given in sys.argv[1:]]
    parts = [
        f"{processor()}, {cores()} cores, {_memory():.0f} GB, {platform.system()}",
        ", ".join(versions),
        *([] if seed is None else [f"seed {seed}"]),
        *(f"{name}={os.environ[name]}" for name in MALLOC if name in os.environ),
        f"`{' '.join(['python', 'benchmarks/' + Path(sys.argv[0]).name, *arguments])}`",
    ]
    return "; ".join(parts)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def seconds(work: Callable[[], object]) -> float:
    """Return how long a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def processor_time() -> float:
    """Return the processor time of this process and of all that it started, in seconds."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # waits for its processes
    uses = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def alternated(sides: Mapping[str, Callable[[], float]], times: int) -> dict[str, float]:
    """Measure sides in turn, so that a busy machine burdens all alike; return medians.

    Args:
        sides: Of each name what measures once, such as ``lambda: seconds(work)``.
        times: How often each is measured.
    """
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(times):
        for name, measure in sides.items():
            found[name].append(measure())
    return {name: median(values) for name, values in found.items()}


def cores() -> int:
    """Return on how many cores this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


if __name__ == "__main__":
    print(environment())
