"""How fast a release of 5000 drawn images could be if some of its parts cost nothing.

Run: python benchmarks/release_bound.py --scratch DIR [--images N] [--rounds N] [--data DIR]

Use a DIR in memory (tmpfs), so that no disk hides the work. The workspace is that of
``release.py``, and so is the bare side, which copies, hashes and syncs the files of the whole
release. Parts are switched off; both sides alternate, and a ratio compares two sides of one round.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

from importing import run
from ingest import SEED
from machine import environment, seconds, table
from release import arguments_of, copy_and_hash, kept_workspace

from rsitmd_tools.release import ReleaseOptions, bundle
from rsitmd_tools.workspace import Workspace

CHECKS = "rules, reading back, statistics, split proof, card, metadata, changelog"
PRIOR = "prior"
CASES = {
    "nothing": (),
    CHECKS: (CHECKS,),
    f"{CHECKS}; prior": (CHECKS, PRIOR),
}


@contextmanager
def _no_records(*_: Any) -> Iterator[Callable[[], list[Any]]]:
    yield list


def _no_priors(_: Any, __: str, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    return {}


OFF: dict[str, dict[str, Callable[..., Any]]] = {
    CHECKS: {
        "records_ahead": _no_records,
        "validation": lambda *_: "{}",
        "_check_texts": lambda *_: None,
        "dataset_statistics": lambda *_: {},
        "_write_split_proof": lambda *_, **__: 0,
        "_write_metadata": lambda *_: None,
        "changelog": lambda *_: "",
    },
    PRIOR: {"_write_priors": _no_priors},
}


def release_without(case: str, workspace: Path, out: Path) -> None:
    """Make a release whose parts of one case are switched off. Runs in a process of its own."""
    with ExitStack() as patches:
        for part in CASES[case]:
            for name, replacement in OFF[part].items():
                patches.enter_context(mock.patch.object(bundle, name, replacement))
        with Workspace.open(workspace) as opened:
            bundle.make_release(opened, "1.0.0", out, ReleaseOptions(unlicensed=True))


def one_round(case: str, workspace: Path, whole: Path, scratch: Path) -> tuple[float, float]:
    """Return the seconds of the bare side and of the release."""
    bare, out = scratch / "bare", scratch / "out"
    command = [sys.executable, __file__, "--case", case, "--scratch", str(scratch)]
    release = seconds(lambda: subprocess.run(command, check=True, capture_output=True))
    shutil.rmtree(out)
    plain = seconds(lambda: copy_and_hash(whole, bare))
    shutil.rmtree(bare)
    return plain, release


def main() -> None:
    """Measure, or make the release of one case."""
    parser = arguments_of(__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", help="make one release, without a measurement")
    arguments = parser.parse_args()
    scratch = arguments.scratch
    if scratch is None:
        parser.error("add --scratch DIR, a folder in memory")
    os.environ["RSITMD_CACHE"] = str(scratch / "cache")
    if arguments.case:
        release_without(arguments.case, scratch / "workspace", scratch / "out")
    else:
        measure(arguments.images, arguments.data, arguments.rounds, scratch)


def measure(images: int, data: Path, rounds: int, scratch: Path) -> None:
    """Measure all cases and print a Markdown table."""
    print(environment("numpy", seed=SEED), "\n")
    workspace = kept_workspace(scratch, images, data)
    whole = scratch / "whole"
    if not whole.exists():
        run("build", "release", workspace, "--version", "1.0.0", "-o", whole, "--allow-no-licence")
    rows = []
    for case in CASES:
        pairs = [one_round(case, workspace, whole, scratch) for _ in range(rounds)]
        plain, release = (median(side) for side in zip(*pairs, strict=True))
        ratio = median(bare / made for bare, made in pairs)
        rows.append((case, f"{plain:.2f}", f"{release:.2f}", f"{ratio:.2f}"))
    print(table(("costs nothing", "bare, s", "release, s", "of its speed"), rows))


if __name__ == "__main__":
    main()
