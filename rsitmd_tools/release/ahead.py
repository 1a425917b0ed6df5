"""Hash finished files of a release, and write them to the disk, in the background."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from rsitmd_tools.atomic import sync_file_system
from rsitmd_tools.hashing import sha256_files
from rsitmd_tools.imaging.pool import ahead_of_use

SECONDS = 0.5  # between two syncs


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
def written_ahead(folder: Path) -> Iterator[None]:
    """Write finished files of a release to the disk again and again while the block runs.

    The system would hold them back in memory for half a minute. On a slow disk, the sync of the
    whole folder in the end would then take as long as all the work before it.

    Raises:
        OSError: The disk does not take the files.
    """
    ended = Event()

    def write() -> None:
        while not ended.wait(SECONDS) and sync_file_system(folder):
            pass

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            yield
        finally:
            ended.set()
        # An error that the system reported here is not reported to the sync in the end.
        writing.result()
