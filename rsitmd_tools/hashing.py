"""Checksums of files and texts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file as hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_files(paths: Sequence[Path]) -> Generator[str | OSError]:
    """Yield the SHA-256 of files in their order, or the error of one that cannot be read.

    The files are hashed by several threads, the largest first: it would delay the end if it were
    the last one.
    """

    def one(path: Path) -> str | OSError:
        try:
            return sha256_file(path)
        except OSError as error:
            return error

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        order = sorted(range(len(paths)), key=lambda index: -_size(paths[index]))
        started = {index: pool.submit(one, paths[index]) for index in order}
        for index in range(len(paths)):
            yield started[index].result()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def sha256_lines(lines: Iterable[str]) -> str:
    """Return the SHA-256 of a sequence of strings as hex.

    Each string is preceded by its length in bytes, so that different sequences have different
    encodings.
    """
    digest = hashlib.sha256()
    for line in lines:
        data = line.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()
