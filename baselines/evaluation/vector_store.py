"""Encoded images and texts of one model, in memory-mapped files that are found by content."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rsitmd_tools.atomic import atomic_path, remove_leftovers
from rsitmd_tools.baselines.data.mapped import one_writer
from rsitmd_tools.errors import RsitmdError

Vectors = npt.NDArray[np.float32]


class VectorStore:
    """A folder of arrays by key; the name of a file also has a checksum of its array.

    Args:
        folder: The folder, of one model; created when something is written.

    Attributes:
        notes: What the user should know: damaged files, a folder that cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes: list[str] = []
        self._damaged: set[Path] = set()

    def get(self, key: str) -> Vectors | None:
        """Return a stored array; None if it is absent or damaged.

        The array is mapped: its pages are those of the file until one is written to, and changes
        do not reach the file.
        """
        for file in sorted(self.folder.glob(f"{key}-*.npy")):
            try:
                array = np.load(file, mmap_mode="c", allow_pickle=False)
                if file.stem == f"{key}-{_checksum(array)}":
                    return np.asarray(array)
            except (OSError, ValueError, EOFError, TypeError):
                pass  # It is not a whole file of NumPy.
            if file not in self._damaged:
                self._damaged.add(file)
                self.notes.append(f"{file}: is damaged; this part is encoded again")
        return None

    def put(self, key: str, array: Vectors) -> None:
        """Store an array. If the folder cannot be written to, a note says so."""
        target = self.folder / f"{key}-{_checksum(array)}.npy"
        try:
            remove_leftovers(target)
            with atomic_path(target) as partial, partial.open("wb") as stream:
                np.save(stream, array, allow_pickle=False)
            for file in self._damaged & set(self.folder.glob(f"{key}-*.npy")) - {target}:
                file.unlink(missing_ok=True)
        except (RsitmdError, OSError) as error:
            self._not_stored(error)

    @contextmanager
    def one_builder(self) -> Iterator[None]:
        """Let one process at a time build; a second one waits and then finds the arrays."""
        try:
            lock = one_writer(self.folder / "index")
            lock.__enter__()
        except RsitmdError as error:
            self._not_stored(error)
            yield
            return
        try:
            yield
        finally:
            lock.__exit__(None, None, None)

    def _not_stored(self, error: Exception) -> None:
        what = "the encoded images and texts are not stored; the next command encodes them again"
        note = f"{what}: {error}"
        if not any(known.startswith(what) for known in self.notes):
            self.notes.append(note)


def _checksum(array: npt.NDArray[np.float32]) -> str:
    """Return a checksum of values and shape."""
    if array.dtype != np.float32 or array.ndim != 2:
        return ""
    of_shape = zlib.crc32(repr(array.shape).encode())
    return f"{zlib.crc32(np.ascontiguousarray(array).data, of_shape):08x}"
