"""A sparse prior: a ``.npz`` file of compressed rows, read through memory maps.

The layout is that of :func:`scipy.sparse.save_npz`, uncompressed, with three more arrays:
``dropped_mean``, the mean of the similarities below the threshold, which replaces them;
``nan_rows``, the images without a similarity; ``threshold``.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.similarity.dense import npy

Floats = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Part:
    """The kept similarities of some rows.

    Attributes:
        counts: Number of kept similarities of each row.
        indices: Captions of the kept similarities, row by row.
        data: The kept similarities.
        dropped: Number of dropped similarities.
        dropped_sum: Sum of the dropped similarities.
        nan: ``(rows,)``, whether a row is NaN.
    """

    counts: Indices
    indices: Indices
    data: Floats
    dropped: int
    dropped_sum: float
    nan: npt.NDArray[np.bool_]


def keep(block: npt.NDArray[np.float64], threshold: float, dtype: str) -> Part:
    """Keep the similarities of a block of rows that are at least ``threshold``."""
    # Comparisons with NaN are false, so nothing of a NaN row is kept.
    kept = block >= threshold
    nan = np.isnan(block[:, 0])
    data = block[kept]
    finite = block[~nan]
    return Part(
        kept.sum(axis=1),
        np.nonzero(kept)[1].astype(np.int32),
        data.astype(dtype),
        finite.size - data.size,
        float(finite.sum() - data.sum()),
        nan,
    )


def write(
    path: Path, shape: tuple[int, int], threshold: float, dtype: str, parts: Iterable[Part]
) -> dict[str, Any]:
    """Write the parts of all rows, in order, with one part in memory at a time.

    Returns:
        ``kept``, ``dropped`` and ``dropped_mean``, for the metadata.
    """
    counts: list[Indices] = []
    nan: list[npt.NDArray[np.bool_]] = []
    dropped, dropped_sum = 0, 0.0
    with (
        tempfile.TemporaryFile(dir=path.parent) as indices,
        tempfile.TemporaryFile(dir=path.parent) as data,
    ):
        for part in parts:
            indices.write(part.indices.tobytes())
            data.write(part.data.tobytes())
            counts.append(part.counts)
            nan.append(part.nan)
            dropped += part.dropped
            dropped_sum += part.dropped_sum
        starts = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64)
        mean = min(max(dropped_sum / dropped, 0.0), threshold) if dropped else 0.0
        with zipfile.ZipFile(path, "w") as archive:
            _copy_in(archive, "indices", indices, np.dtype(np.int32), int(starts[-1]))
            _copy_in(archive, "data", data, np.dtype(dtype), int(starts[-1]))
            _add(archive, "indptr", starts)
            _add(archive, "shape", np.array(shape, np.int64))
            _add(archive, "format", np.array(b"csr"))
            _add(archive, "dropped_mean", np.array(mean))
            _add(archive, "nan_rows", np.flatnonzero(np.concatenate(nan)))
            _add(archive, "threshold", np.array(threshold))
    return {"kept": int(starts[-1]), "dropped": dropped, "dropped_mean": mean}


@dataclass(frozen=True, slots=True)
class SparseValues:
    """A sparse prior, memory-mapped.

    Attributes:
        shape: Images and captions.
        indptr: ``(N + 1,)``, start of each row in ``indices`` and ``data``.
        indices: Captions of the kept similarities, ascending in each row.
        data: The kept similarities.
        dropped_mean: Mean of the dropped similarities.
        nan_rows: The images without a similarity.
    """

    shape: tuple[int, int]
    indptr: Indices
    indices: Indices
    data: Floats
    dropped_mean: float
    nan_rows: Indices

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the similarities."""
        return self.data.dtype

    def block(self, images: Indices, captions: Indices) -> Floats:
        """Return rows and columns; dropped similarities are replaced by their mean."""
        out = np.full((len(images), len(captions)), self.dropped_mean, self.data.dtype)
        for row, image in zip(out, images, strict=True):
            first, end = self.indptr[image], self.indptr[image + 1]
            own = self.indices[first:end]
            at = np.searchsorted(own, captions)
            found = np.flatnonzero(at < len(own))
            found = found[own[at[found]] == captions[found]]
            row[found] = self.data[first + at[found]]
        out[np.isin(images, self.nan_rows)] = np.nan
        return out

    def pairs(self, images: Indices, captions: Indices) -> Floats:
        """Return the value of each image with one caption; see :meth:`block`."""
        out = np.empty(len(images), self.data.dtype)
        order = np.argsort(images, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(images[order])) + 1):
            out[group] = self.block(images[group[:1]], captions[group])[0]
        return out


def open_values(path: Path) -> SparseValues:
    """Map a ``.npz`` file for reading.

    Raises:
        OSError, ValueError: The file cannot be read, or is not a sparse prior.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {
                name: _map(path, archive, name)
                for name in ("indptr", "indices", "data", "shape", "dropped_mean", "nan_rows")
            }
    except (KeyError, zipfile.BadZipFile, struct.error) as error:
        raise ValueError(f"is not a sparse prior ({error})") from error
    images, captions = (int(n) for n in arrays["shape"])
    starts = arrays["indptr"]
    if len(starts) != images + 1 or not (
        starts[-1] == len(arrays["indices"]) == len(arrays["data"])
    ):
        raise ValueError("the lengths of its arrays are inconsistent")
    return SparseValues(
        (images, captions),
        starts,
        arrays["indices"],
        arrays["data"],
        float(arrays["dropped_mean"]),
        arrays["nan_rows"],
    )


def _add(archive: zipfile.ZipFile, name: str, array: npt.NDArray[Any]) -> None:
    with archive.open(f"{name}.npy", "w") as stream:
        npy.write_array(stream, array, allow_pickle=False)


def _copy_in(
    archive: zipfile.ZipFile, name: str, source: IO[bytes], kind: np.dtype[Any], count: int
) -> None:
    header = {
        "descr": npy.dtype_to_descr(kind),
        "fortran_order": False,
        "shape": (count,),
    }
    source.seek(0)
    with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
        npy.write_array_header_1_0(stream, header)
        shutil.copyfileobj(source, stream, 1 << 20)


def _map(path: Path, archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    """Map an array that is stored without compression in an archive."""
    entry = archive.getinfo(f"{name}.npy")
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError("is compressed and cannot be mapped")
    with path.open("rb") as stream:
        # The local header has 30 bytes, then a name and a field whose lengths it gives.
        stream.seek(entry.header_offset)
        lengths = struct.unpack("<26xHH", stream.read(30))
        stream.seek(sum(lengths), 1)
        if npy.read_magic(stream) != (1, 0):
            raise ValueError(f"{name} has an unsupported version")
        shape, _, kind = npy.read_array_header_1_0(stream)
        if kind.hasobject:
            raise ValueError(f"{name} contains objects")
        if 0 in shape:
            return np.empty(shape, kind)
        return np.asarray(np.memmap(path, kind, "r", stream.tell(), shape))
