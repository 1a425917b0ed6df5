"""``build ingest``: images into the workspace, each content once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rsitmd_tools.atomic import atomic_path
from rsitmd_tools.errors import reason
from rsitmd_tools.ingest.duplicates import duplicate_groups
from rsitmd_tools.ingest.scan import Found, scan
from rsitmd_tools.progress import progress
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.store import utc_now

BATCH = 64


@dataclass(slots=True)
class IngestReport:
    """What an ingest did.

    Attributes:
        added: Images taken in.
        known: Files whose content the workspace has already.
        rejected: ``(file, reason)`` of those kept out.
        duplicates: Images that lie in a group of exact or near duplicates.
    """

    added: int = 0
    known: int = 0
    duplicates: int = 0
    rejected: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A file as a worker returns it: normalised, or the reason why not."""

    sha256: str
    tiff: bytes = b""
    pixel_sha256: str = ""
    phash: str = ""
    width: int = 0
    height: int = 0
    problem: str | None = None


def ingest(
    workspace: Workspace,
    sources: Iterable[Path],
    category: str | None = None,
    workers: int | None = None,
) -> IngestReport:
    """Take images into a workspace.

    Files are numbered in the order of their names, whatever the number of workers. An
    image's file is written before its row, batch by batch: a killed ingest is run again
    and gives what it would have given.

    Args:
        workspace: A workspace opened to write.
        sources: Folders or files.
        category: One category for all; by default told by folder or file name.
        workers: Processes; one a core by default.

    Raises:
        RsitmdError: A source is absent or empty, or the workspace cannot be written to.
    """
    found = scan(sources, category)
    report = IngestReport()
    numbers = _last_numbers(workspace)
    with progress("ingest", len(found)) as step:
        for batch, prepared in _prepare(workspace, found, workers):
            _store(workspace, batch, prepared, numbers, report)
            step(len(batch))
    report.duplicates = group_duplicates(workspace)
    return report


def group_duplicates(workspace: Workspace) -> int:
    """Group exact and near duplicates anew; return how many images lie in a group."""
    rows = workspace.db.execute("SELECT id, pixel_sha256, phash FROM image ORDER BY id").fetchall()
    groups = duplicate_groups(
        [row["pixel_sha256"] for row in rows],
        [row["phash"] for row in rows],
        workspace.settings.split.near_duplicate_distance,
    )
    with workspace.transaction() as db:
        db.executemany(
            "UPDATE image SET duplicate_group = ? WHERE id = ?",
            [
                (None if group is None else rows[group]["id"], row["id"])
                for row, group in zip(rows, groups, strict=True)
            ],
        )
    return sum(group is not None for group in groups)


def _prepare(
    workspace: Workspace, found: list[Found], workers: int | None
) -> Iterator[tuple[list[Found], list[_Prepared]]]:
    """Normalise the files batch by batch, in order, one batch ahead of the writer."""
    known = {row["sha256"] for row in workspace.db.execute("SELECT sha256 FROM image")}
    size = workspace.settings.dataset.image_size
    batches = [found[first : first + BATCH] for first in range(0, len(found), BATCH)]
    with ProcessPoolExecutor(workers or os.cpu_count()) as pool:
        # Only two batches are under way at once: memory stays bounded.
        waiting = [
            [pool.submit(_normalise, f.path, size, known) for f in batch] for batch in batches[:1]
        ]
        for index, batch in enumerate(batches):
            if index + 1 < len(batches):
                waiting.append(
                    [pool.submit(_normalise, f.path, size, known) for f in batches[index + 1]]
                )
            yield batch, [future.result() for future in waiting.pop(0)]


def _normalise(path: Path, size: int, known: set[str]) -> _Prepared:
    """Hash, decode and encode one file; runs in a worker."""
    import io

    import imagehash

    from rsitmd_tools.ingest.decode import UnusableImageError, decode

    try:
        data = path.read_bytes()
    except OSError as error:
        return _Prepared("", problem=f"cannot be read ({reason(error)})")
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 in known:
        return _Prepared(sha256)
    try:
        image, (width, height) = decode(data, size)
    except UnusableImageError as error:
        return _Prepared(sha256, problem=str(error))
    encoded = io.BytesIO()
    image.save(encoded, format="TIFF", compression="tiff_lzw")
    return _Prepared(
        sha256=sha256,
        tiff=encoded.getvalue(),
        pixel_sha256=hashlib.sha256(image.tobytes()).hexdigest(),
        phash=str(imagehash.phash(image)),
        width=width,
        height=height,
    )


def _store(
    workspace: Workspace,
    batch: list[Found],
    prepared: list[_Prepared],
    numbers: dict[str, int],
    report: IngestReport,
) -> None:
    """Write the files of a batch, then their rows in one transaction."""
    known = {row["sha256"] for row in workspace.db.execute("SELECT sha256 FROM image")}
    rows = []
    rejected = []
    taken = []
    for found, image in zip(batch, prepared, strict=True):
        source = str(found.path.resolve())
        if image.problem is not None:
            rejected.append((source, image.problem, utc_now()))
            continue
        taken.append((source,))
        if image.sha256 in known:
            report.known += 1
            continue
        known.add(image.sha256)
        number = numbers.get(found.category, 0) + 1
        numbers[found.category] = number
        filename = f"{found.category}_{number}.tif"
        with atomic_path(workspace.images / filename) as partial:
            partial.write_bytes(image.tiff)
        rows.append(
            (
                *(image.sha256, filename, found.category, number, source),
                *(image.width, image.height, image.pixel_sha256, image.phash, utc_now()),
            )
        )
    with workspace.transaction() as db:
        db.executemany(
            "INSERT INTO image (sha256, filename, category, number, source, width, height,"
            " pixel_sha256, phash, ingested_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        db.executemany("INSERT OR REPLACE INTO rejected VALUES (?, ?, ?)", rejected)
        db.executemany("DELETE FROM rejected WHERE source = ?", taken)
    report.added += len(rows)
    report.rejected += [(source, problem) for source, problem, _ in rejected]


def _last_numbers(workspace: Workspace) -> dict[str, int]:
    return {
        row["category"]: row["last"]
        for row in workspace.db.execute(
            "SELECT category, max(number) AS last FROM image GROUP BY category"
        )
    }
