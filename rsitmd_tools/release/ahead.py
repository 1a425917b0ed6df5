"""Hash and sync finished files of a release in the background."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rsitmd_tools.atomic import sync_files
from rsitmd_tools.hashing import sha256_files
from rsitmd_tools.imaging.pool import ahead_of_use


@contextmanager
def hashed_ahead(folder: Path, files: Sequence[Path]) -> Iterator[Callable[[], dict[str, str]]]:
    """Hash finished files of a release in other threads while the block runs.

    Args:
        folder: The folder of the release.
        files: Some of its files, which do not change any more.

    Yields:
        A function that waits for the hashes and returns the SHA-256 by path in the release. The
        result omits files that cannot be read.
    """
    with ahead_of_use(lambda _: sha256_files(files)) as found:
        yield lambda: {
            file.relative_to(folder).as_posix(): sha256
            for file, sha256 in zip(files, found, strict=True)
            if isinstance(sha256, str)
        }


@contextmanager
def synced_ahead(folder: Path, files: Sequence[Path]) -> Iterator[None]:
    """Begin to write finished files to the disk while the block runs.

    The folder is synced as a whole in the end. Then less is left to write.

    Raises:
        OSError: The disk does not take the files.
    """

    def sync() -> Generator[None]:
        sync_files(folder, files)
        yield

    with ahead_of_use(lambda _: sync()) as synced:
        yield
        next(synced)
