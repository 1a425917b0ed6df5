"""Group commit: while the files of a group are synced to the disk, the next group is collected."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Generic, TypeVar

from rsitmd_tools.atomic import sync_files, write_error

Item = TypeVar("Item")

FILES = 128  # files of a group, unless it waits for long
SECONDS = 0.25  # a group begins after this time, even if it has few files
MOST = 1024  # files that wait while a group is synced, which bounds what a kill can undo


class GroupCommit(Generic[Item]):
    """Commits items in groups, in their order, after the contents of their files are durable.

    A disk takes about as long to sync one file as to sync a hundred. So nothing waits for the
    disk: what is added while it is busy becomes the next group.

    Args:
        folder: Where the files are.
        commit: Called with the items of a group when the contents of their files are durable.
    """

    def __init__(self, folder: Path, commit: Callable[[Sequence[Item]], None]) -> None:
        self._folder = folder
        self._commit = commit
        self._thread = ThreadPoolExecutor(1)
        self._items: list[Item] = []
        self._files: list[Path] = []
        self._running: tuple[list[Item], Future[None]] | None = None
        self._began = time.monotonic()

    def add(self, item: Item, files: Sequence[Path]) -> None:
        """Add an item and its files, which are written but not synced.

        Raises:
            RsitmdError: The files of an earlier group could not be written.
        """
        self._items.append(item)
        self._files += files
        if self._running is not None and self._running[1].done():
            self._end()
        late = time.monotonic() - self._began > SECONDS
        if (self._running is None and (late or len(self._files) >= FILES)) or (
            len(self._files) >= MOST
        ):
            self._end()
            self._begin()

    def finish(self) -> None:
        """Commit all items that were added.

        Raises:
            RsitmdError: The files could not be written.
        """
        self._end()
        self._begin()
        self._end()

    def close(self) -> None:
        """Wait for the thread. Items that are not committed are forgotten."""
        self._thread.shutdown(cancel_futures=True)

    def _begin(self) -> None:
        if not self._items:
            return
        items, files = self._items, self._files
        self._items, self._files = [], []
        self._began = time.monotonic()
        self._running = items, self._thread.submit(sync_files, self._folder, files)

    def _end(self) -> None:
        if self._running is None:
            return
        (items, synced), self._running = self._running, None
        try:
            synced.result()
            self._commit(items)
        except OSError as error:
            raise write_error(self._folder, error) from error
