"""The processor time of each part of a release of 5000 drawn images.

Run: python benchmarks/release_parts.py [--images N] [--data DIR] [--scratch DIR]

The workspace is that of ``release.py``. The second release of it is measured. Parts of the main
thread are measured by its own clock, threads and workers by what is left of the whole. Wall times
are not printed: the parts run beside each other.
"""

from __future__ import annotations

import functools
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from importing import run
from ingest import SEED
from machine import environment, processor_time, table
from release import arguments_of, copy_and_hash, kept_workspace

from rsitmd_tools import atomic
from rsitmd_tools.collector import without_collector
from rsitmd_tools.imaging.known_pictures import KnownPictures
from rsitmd_tools.quality.check import check_records, subject_of
from rsitmd_tools.release import ReleaseOptions, bundle, images
from rsitmd_tools.release.contents import contents_of
from rsitmd_tools.workspace import Workspace

PARTS = (
    (bundle, "contents_of", "read the workspace"),
    (KnownPictures, "_read", "measures of images that are known"),
    (bundle, "_write_texts", "texts: write JSON and precomp, read them back"),
    (bundle, "_write_priors", "prior: index of the captions"),
    (bundle, "dataset_statistics", "statistics"),
    (bundle, "_write_split_proof", "split proof and its page"),
    (bundle, "_write_metadata", "card, citation, Croissant"),
    (images.CopiedImages, "wait", "images: checksums and measures from the workers"),
    (bundle, "validation", "rules of images and splits; findings as JSON"),
    (bundle, "write_checksums", "list of checksums"),
    (atomic, "sync_files", "sync"),
)


@contextmanager
def measured() -> Iterator[dict[str, float]]:
    """Yield the processor seconds of the main thread by part."""
    found: dict[str, float] = defaultdict(float)

    def timed(function: Callable[..., Any], label: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            began = time.thread_time()
            try:
                return function(*arguments, **options)
            finally:
                found[label] += time.thread_time() - began

        return call

    patches = [
        mock.patch.object(owner, name, timed(getattr(owner, name), label))
        for owner, name, label in PARTS
    ]
    for patch in patches:
        patch.start()
    try:
        yield found
    finally:
        for patch in patches:
            patch.stop()


def parts(workspace: Workspace, out: Path) -> list[tuple[str, float]]:
    """Return the processor seconds of the parts of a release."""
    before, thread, process = processor_time(), time.thread_time(), time.process_time()
    with measured() as found:
        bundle.make_release(workspace, "1.0.0", out, ReleaseOptions(unlicensed=True))
    thread, process = time.thread_time() - thread, time.process_time() - process
    everything = processor_time() - before
    content = contents_of(workspace)
    began = time.thread_time()
    with without_collector():  # as in the worker
        check_records(subject_of(content.dataset, workspace.settings))
    records = time.thread_time() - began
    return [
        *found.items(),
        ("the rest of the main thread", thread - sum(found.values())),
        ("threads: kernel of the prior, its file, its checksum", process - thread),
        ("workers: rules of texts and keywords", records),
        ("workers: start, images", everything - process - records),
        ("release, without start and imports of the command", everything),
    ]


def main() -> None:
    """Measure and print a Markdown table."""
    arguments = arguments_of(__doc__.splitlines()[0]).parse_args()
    print(environment("pillow", "numpy", seed=SEED), "\n")
    with tempfile.TemporaryDirectory() as place:
        scratch = arguments.scratch or Path(place)
        os.environ["RSITMD_CACHE"] = str(scratch / "cache")
        folder = kept_workspace(scratch, arguments.images, arguments.data)
        out = Path(place, "release")
        work = ("--version", "1.0.0", "-o", out, "--allow-no-licence")
        run("build", "release", folder, *work)
        with Workspace.open(folder) as workspace:
            rows = parts(workspace, Path(place, "again"))
        began = time.process_time()
        copy_and_hash(out, Path(place, "bare"))
        rows.append(("bare copy, hash and sync", time.process_time() - began))
    print(table(("part", "processor s"), [(name, f"{value:.2f}") for name, value in rows]))


if __name__ == "__main__":
    main()
