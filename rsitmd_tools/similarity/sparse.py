"""A sparse prior: a ``.npz`` file of compressed rows, read through memory maps.

It is laid out as :func:`scipy.sparse.save_npz` does, uncompressed, with three arrays more:
``dropped_mean``, what a similarity below the threshold is taken for; ``nan_rows``, the
images without a similarity; ``threshold``.
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
        counts: How many each row keeps.
        indices: Their captions, row by row.
        data: Their similarities.
        dropped: How many similarities were dropped.
        dropped_sum: Their sum.
        nan: ``(rows,)``, which rows are NaN.
    """

    counts: Indices
    indices: Indices
    data: Floats
    dropped: int
    dropped_sum: float
    nan: npt.NDArray[np.bool_]


def keep(block: npt.NDArray[np.float64], threshold: float, dtype: str) -> Part:
    """Keep what is at least ``threshold`` in a block of rows."""
    # NaN is not at least anything: a NaN row keeps nothing.
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
    """Write the parts of all rows, in order; memory holds one part at a time.

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
        indptr: ``(N + 1,)``, where each row begins in the two below.
        indices: The captions kept, ascending in each row.
        data: Their similarities.
        dropped_mean: The mean of the similarities that were not kept.
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
        """The kind of numbers kept."""
        return self.data.dtype

    def block(self, images: Indices, captions: Indices) -> Floats:
        """Return these rows and columns; what was dropped is its mean."""
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


def open_values(path: Path) -> SparseValues:
    """Map a ``.npz`` file for reading.

    Raises:
        OSError, ValueError: It cannot be read, or is no sparse prior.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {
                name: _map(path, archive, name)
                for name in ("indptr", "indices", "data", "shape", "dropped_mean", "nan_rows")
            }
    except (KeyError, zipfile.BadZipFile, struct.error) as error:
        raise ValueError(f"is no sparse prior ({error})") from error
    images, captions = (int(n) for n in arrays["shape"])
    starts = arrays["indptr"]
    if len(starts) != images + 1 or not (
        starts[-1] == len(arrays["indices"]) == len(arrays["data"])
    ):
        raise ValueError("its arrays do not fit each other")
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
    """Map an array that lies uncompressed in an archive."""
    entry = archive.getinfo(f"{name}.npy")
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError("is compressed and cannot be mapped")
    with path.open("rb") as stream:
        # The local header: 30 bytes, then a name and a field of the lengths given there.
        stream.seek(entry.header_offset)
        lengths = struct.unpack("<26xHH", stream.read(30))
        stream.seek(sum(lengths), 1)
        if npy.read_magic(stream) != (1, 0):
            raise ValueError(f"{name} is of another version")
        shape, _, kind = npy.read_array_header_1_0(stream)
        if kind.hasobject:
            raise ValueError(f"{name} holds objects")
        if 0 in shape:
            return np.empty(shape, kind)
        return np.asarray(np.memmap(path, kind, "r", stream.tell(), shape))
