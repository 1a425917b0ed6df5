"""Run the benchmarks one after the other, as `make bench` does.

Run: python benchmarks/run_all.py [NAME ...]

NAME is a script, such as ``prior``; all by default. A script that lacks data, weights, a package or
a GPU says so, and is listed at the end as not measured. A script that fails does not stop the
others; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from machine import NOT_MEASURED

# machine.py measures nothing: each script prints the machine.
LEFT_OUT = (Path(__file__).name, "machine.py")


def scripts(folder: Path) -> list[str]:
    """Return the names of the benchmarks in a folder, without the modules that they share."""
    return sorted(
        file.stem
        for file in folder.glob("*.py")
        if file.name not in LEFT_OUT and '\nif __name__ == "__main__":' in file.read_text("utf-8")
    )


def run(folder: Path, names: list[str]) -> dict[str, list[str]]:
    """Run benchmarks; return their names by what came of them."""
    found: dict[str, list[str]] = {"measured": [], "not measured": [], "failed": []}
    for name in names:
        print(f"== {name}", flush=True)
        status = subprocess.run([sys.executable, folder / f"{name}.py"]).returncode
        outcome = {0: "measured", NOT_MEASURED: "not measured"}.get(status, "failed")
        found[outcome].append(name)
        print(flush=True)
    return found


def main(folder: Path) -> None:
    """Run what is asked for, print a summary."""
    known = scripts(folder)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    names = parser.parse_args().names or known
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no benchmark {', '.join(unknown)}; name one of {', '.join(known)}")
    found = run(folder, names)
    for outcome, those in found.items():
        if those:
            print(f"{outcome}: {', '.join(those)}")
    sys.exit(bool(found["failed"]))


if __name__ == "__main__":
    main(Path(__file__).resolve().parent)
