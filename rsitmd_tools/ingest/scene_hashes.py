"""Checksums of scenes, computed while the scenes are planned and their tiles are cut."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rsitmd_tools.errors import reason
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.source import needs_other_files
from rsitmd_tools.ingest.plan import CHANGED, ScenePlan, check_unchanged
from rsitmd_tools.workspace.scenes import Scene

BUFFER = 1 << 20  # bytes


class _Hashed(NamedTuple):
    """A file that was hashed, and its state before and after."""

    sha256: str
    size: int
    mtime_ns: int


class SceneHashes:
    """Hashes the scenes that a plan leaves without a hash, in a thread, in their order.

    Args:
        files: The files. Which of them are scenes need not be known yet.
        sizes: Sizes of known files. A file of such a size can be known, and is hashed when it is
            planned.
    """

    def __init__(self, files: Sequence[Path], sizes: Set[int]) -> None:
        self._sizes = sizes
        self._ended = threading.Event()
        self._unused: set[int] = set()
        self._thread = ThreadPoolExecutor(1)
        self._running = [
            self._thread.submit(self._hash, number, file) for number, file in enumerate(files)
        ]

    def keep(self, plans: Sequence[ScenePlan]) -> None:
        """Hash no file any more that is not a scene or has a hash.

        Args:
            plans: Of each file what was planned.
        """
        self._unused.update(
            number for number, plan in enumerate(plans) if plan.scene is None or plan.scene.sha256
        )

    def hashed(self, number: int, scene: Scene) -> Scene:
        """Return a scene with its hash; wait for it.

        Raises:
            UnusableImageError: The file cannot be read, or is not the one that was planned.
        """
        try:
            found = self._running[number].result()
        except OSError as error:
            raise UnusableImageError(f"cannot be read ({reason(error)})") from None
        if found is None or found[1:] != (scene.size, scene.mtime_ns):
            raise UnusableImageError(CHANGED)
        return replace(scene, sha256=found.sha256)

    def close(self) -> None:
        """End the thread; the file that it reads is not read to its end."""
        self._ended.set()
        self._thread.shutdown(cancel_futures=True)

    def _hash(self, number: int, path: Path) -> _Hashed | None:
        """Return the hash of a file, or None if it is not to be hashed here.

        Raises:
            UnusableImageError: It changes while it is read.
            OSError: It cannot be read.
        """
        status = path.stat()
        if status.st_size in self._sizes or needs_other_files(path):
            return None
        digest, buffer = hashlib.sha256(), memoryview(bytearray(BUFFER))
        with path.open("rb", buffering=0) as stream:
            while count := stream.readinto(buffer):
                digest.update(buffer[:count])
                if self._ended.is_set() or number in self._unused:
                    return None
        check_unchanged(path, status.st_size, status.st_mtime_ns)
        return _Hashed(digest.hexdigest(), status.st_size, status.st_mtime_ns)
