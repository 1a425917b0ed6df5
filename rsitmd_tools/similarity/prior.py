"""The prior as a file: a matrix (images x captions) and its metadata.

``test.npy`` (dense) or ``test.npz`` (sparse) contains the matrix, and ``test.json`` the
definition, settings and checksums. A prior is only opened with the data it was computed from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools import __version__
from rsitmd_tools.atomic import atomic_path, remove_leftovers, write_json
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage, reason
from rsitmd_tools.hashing import sha256_lines
from rsitmd_tools.progress import progress
from rsitmd_tools.similarity import dense, sparse
from rsitmd_tools.similarity.arrays import Floats
from rsitmd_tools.similarity.definitions import EQUAL_WEIGHTS, prepare
from rsitmd_tools.similarity.rows import Similarity, map_blocks
from rsitmd_tools.similarity.sparse import SparseValues

DTYPES = ("float32", "float64")
# Checksum of the number of captions of each image: which captions belong to which image.
OWNERS = "owners_sha256"
TOKENIZER = "NLTK's word_tokenize, sentences by rule; see rsitmd_tools.text.tokens"
_DIFFERENCES = {
    "images_sha256": "different images",
    "captions_sha256": "different captions",
    OWNERS: "captions belong to other images",
}
Matrix = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Prior:
    """A prior that belongs to the dataset it was opened with.

    Attributes:
        values: The ``(N, M)`` similarities, memory-mapped: an array (NaN rows for images
            without words), or :class:`SparseValues`.
        path: The file.
        metadata: Contents of the JSON file beside the matrix.
    """

    values: Matrix | SparseValues
    path: Path
    metadata: Mapping[str, Any]

    @property
    def definition(self) -> str:
        """Definition of the similarity: ``reference`` or ``paper``."""
        return str(self.metadata["definition"])

    @property
    def shape(self) -> tuple[int, int]:
        """Images and captions."""
        images, captions = self.values.shape
        return images, captions

    def at(self, images: npt.ArrayLike, captions: npt.ArrayLike) -> Matrix:
        """Return a block of the matrix. Only this block is read from the file.

        Args:
            images: Indices of ``n`` images, in the order of the dataset; negative ones count from
                the end.
            captions: Indices of ``m`` captions, in the order of :meth:`Dataset.captions`, likewise.

        Returns:
            ``(n, m)``. In a sparse prior, every similarity below the threshold is replaced by
            the mean of these similarities.

        Raises:
            IndexError: There is no such image or caption.
        """
        rows, columns = self._indices(images, captions)
        if isinstance(self.values, SparseValues):
            return self.values.block(rows, columns)
        if _is_range(rows, self.shape[0]) and _is_range(columns, self.shape[1]):
            # Slices are copied several times faster than single elements.
            part = self.values[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            return np.array(part)
        return np.asarray(self.values[np.ix_(rows, columns)])

    def pairs(self, images: npt.ArrayLike, captions: npt.ArrayLike) -> Matrix:
        """Return the similarity of each image with one caption, ``(P,)``.

        Args:
            images: Indices of ``P`` images, as for :meth:`at`.
            captions: Indices of ``P`` captions, likewise.

        Raises:
            IndexError: There is no such image or caption.
        """
        rows, columns = self._indices(images, captions)
        if isinstance(self.values, SparseValues):
            return self.values.pairs(rows, columns)
        return np.asarray(self.values[rows, columns])

    def row(self, image: int) -> Matrix:
        """Return the similarity of one image with all captions, ``(M,)``.

        Args:
            image: Index of the image, in the order of the dataset; negative ones count from the
                end.

        Raises:
            IndexError: There is no such image.
        """
        images, captions = self.shape
        if not -images <= image < images:
            raise IndexError(f"image {image} of {images}")
        row: Matrix = self.at([image % images], np.arange(captions))[0]
        return row

    def _indices(
        self, images: npt.ArrayLike, captions: npt.ArrayLike
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return checked indices that count from the start."""
        rows, columns = (
            np.arange(size)[np.asarray(indices, np.int64)]
            for size, indices in zip(self.shape, (images, captions), strict=True)
        )
        return rows, columns

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path: each worker process maps the file itself."""
        return _reopen, (self.path, dict(self.metadata))


def compute_prior(
    dataset: Dataset,
    definition: str = "reference",
    weights: tuple[float, float] = EQUAL_WEIGHTS,
    dtype: str = "float64",
    threads: int | None = None,
    out: Matrix | None = None,
) -> Matrix:
    """Compute the similarity of every image with every caption of a dataset.

    Args:
        dataset: Images and captions.
        definition: ``reference`` (the public script) or ``paper`` (BLEU and METEOR).
        weights: Weights of BLEU and METEOR in ``paper``.
        dtype: Data type of the result: ``float32`` or ``float64``.
        threads: Number of threads; one per core by default. The result does not depend on it.
        out: Array for the result, such as a memory map; its data type replaces ``dtype``.

    Returns:
        ``(N, M)``: images in order, captions in the order of :meth:`Dataset.captions`.
        Rows of images without words are NaN.

    Raises:
        WrongUsage: The definition, the weights or the data type is invalid.
        ValueError: ``out`` has another shape.
    """
    _check_dtype(dtype)
    shape = (len(dataset), len(dataset.captions()))
    matrix = np.empty(shape, dtype) if out is None else out
    if matrix.shape != shape:
        raise ValueError(f"out is {matrix.shape}, the prior {shape}")
    similarity = prepare(dataset, definition, weights)
    if matrix.size:
        for _ in map_blocks(similarity, lambda first, block: _put(matrix, first, block), threads):
            pass
    return matrix


def write_prior(
    dataset: Dataset,
    path: Path,
    definition: str = "reference",
    weights: tuple[float, float] = EQUAL_WEIGHTS,
    dtype: str = "float64",
    threshold: float | None = None,
    threads: int | None = None,
) -> Prior:
    """Compute a prior and write it to a file, with a JSON file beside it.

    The matrix is written block by block, so it can be larger than the memory. Both files are
    written atomically.

    Args:
        dataset: Images and captions.
        path: The file: ``.npy``, or ``.npz`` with a threshold.
        definition: ``reference`` or ``paper``.
        weights: Weights of BLEU and METEOR in ``paper``.
        dtype: ``float32`` or ``float64``.
        threshold: Write a sparse file with the similarities that are at least this, and the
            mean of the others.
        threads: Number of threads; one per core by default.

    Raises:
        WrongUsage: The definition, weights, data type, threshold or file suffix is invalid.
        RsitmdError: There are no captions, the JSON file belongs to a matrix of the other suffix,
            or the file cannot be written.
    """
    path = Path(path)
    _check_dtype(dtype)
    _check_suffix(path, threshold)
    _check_json_is_free(path)
    if not dataset.captions():
        raise RsitmdError("has no captions", where=dataset.source, hint="add captions first")
    similarity = prepare(dataset, definition, weights)
    metadata = {
        "tool": f"rsitmd-tools {__version__}",
        "definition": definition,
        **similarity.settings,
        "tokenizer": TOKENIZER,
        "dtype": dtype,
        "threshold": threshold,
        "shape": list(similarity.shape),
        "dataset": dataset.name,
        **_checksums(dataset),
    }
    with _replaced_with_json(path) as partial:
        if threshold is None:
            metadata |= _write_dense(partial, similarity, dtype, threads)
        else:
            metadata |= _write_sparse(partial, similarity, dtype, threshold, threads)
    write_json(path.with_suffix(".json"), metadata)
    return _reopen(path, metadata)


def load_prior(path: Path, dataset: Dataset) -> Prior:
    """Open a prior and check that it was computed from this dataset.

    Args:
        path: The ``.npy`` or ``.npz`` file.
        dataset: The images and captions of the prior, in order.

    Raises:
        RsitmdError: The file is missing or malformed, or was computed from other data. The
            message reports the difference.
    """
    path = Path(path)
    metadata = _read_json(path)
    try:
        prior = _reopen(path, metadata)
    except (OSError, ValueError) as error:
        raise _unreadable(path, reason(error)) from error
    if list(prior.shape) != metadata["shape"]:
        raise _unreadable(
            path, f"its shape is {prior.shape}, but its JSON file has {metadata['shape']}"
        )
    _check_data(prior, dataset)
    return prior


def _is_range(indices: npt.NDArray[np.int64], size: int) -> bool:
    """Return whether indices are n, n + 1, n + 2, ... in an axis of this size, at least one."""
    if not len(indices) or indices[0] < 0 or indices[-1] >= size:
        return False
    return bool(np.array_equal(indices, np.arange(indices[0], indices[0] + len(indices))))


def _put(matrix: Matrix, first: int, block: Floats) -> None:
    matrix[first : first + len(block)] = block


def _write_dense(
    partial: Path, similarity: Similarity, dtype: str, threads: int | None
) -> dict[str, Any]:
    nan_rows, total = 0, 0.0
    with dense.create(partial, similarity.shape, dtype) as put:

        def use(first: int, block: Floats) -> tuple[int, int, float]:
            put(first, block)
            nan = int(np.isnan(block[:, 0]).sum())
            return len(block), nan, float(block.sum() if nan == 0 else np.nansum(block))

        with progress("prior", similarity.shape[0]) as step:
            for rows, nan, part in map_blocks(similarity, use, threads):
                nan_rows += nan
                total += part
                step(rows)
    return _summary(similarity, nan_rows, total)


def _write_sparse(
    partial: Path, similarity: Similarity, dtype: str, threshold: float, threads: int | None
) -> dict[str, Any]:
    nan_rows, total = 0, 0.0

    def parts() -> Iterator[sparse.Part]:
        nonlocal nan_rows, total

        def use(first: int, block: Floats) -> sparse.Part:
            return sparse.keep(block, threshold, dtype)

        with progress("prior", similarity.shape[0]) as step:
            for part in map_blocks(similarity, use, threads):
                nan_rows += int(part.nan.sum())
                total += part.dropped_sum + float(part.data.sum(dtype=np.float64))
                step(len(part.counts))
                yield part

    written = sparse.write(partial, similarity.shape, threshold, dtype, parts())
    return {**_summary(similarity, nan_rows, total), **written}


def _summary(similarity: Similarity, nan_rows: int, total: float) -> dict[str, Any]:
    images, captions = similarity.shape
    finite = (images - nan_rows) * captions
    return {"nan_rows": nan_rows, "mean": total / finite if finite else None}


@contextmanager
def _replaced_with_json(path: Path) -> Iterator[Path]:
    """Replace a prior. The old JSON file is removed before the new one is written.

    If the process is killed, no matrix is left beside the JSON file of another one.
    """
    remove_leftovers(path)
    with atomic_path(path) as partial:
        yield partial
        path.with_suffix(".json").unlink(missing_ok=True)


def _check_json_is_free(path: Path) -> None:
    """Check that the JSON file is not that of a matrix with the other suffix."""
    other = path.with_suffix(".npy" if path.suffix == ".npz" else ".npz")
    if other.exists():
        raise RsitmdError(
            f"would replace {path.with_suffix('.json').name}, which belongs to {other.name}",
            where=path,
            hint="use another name, or remove that matrix",
        )


def _reopen(path: Path, metadata: Mapping[str, Any]) -> Prior:
    values = sparse.open_values(path) if path.suffix == ".npz" else dense.open_values(path)
    return Prior(values, path, metadata)


def _read_json(path: Path) -> dict[str, Any]:
    from rsitmd_tools.schemas import first_error, load_schema

    json_path = path.with_suffix(".json")
    try:
        metadata: dict[str, Any] = json.loads(json_path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if not path.exists():
            raise _unreadable(path, reason(error)) from error
        raise RsitmdError(
            f"has no {json_path.name} beside it",
            where=path,
            hint="a prior has two files; to compute both, run: rsitmd build similarity",
        ) from error
    except (OSError, ValueError) as error:
        raise _unreadable(json_path, reason(error)) from error
    problem = first_error(metadata, load_schema("prior"))
    if problem is not None:
        raise _unreadable(json_path, f"{problem.key}: {problem.message}")
    if (metadata.get("threshold") is None) != (path.suffix == ".npy"):
        raise RsitmdError(
            f"is described by {json_path.name}, which is of a matrix with another suffix",
            where=path,
            hint="compute it again with: rsitmd build similarity",
        )
    return metadata


def _check_data(prior: Prior, dataset: Dataset) -> None:
    """Raise an error if a prior was computed from other data."""
    images, captions = prior.shape
    expected = (len(dataset), len(dataset.captions()))
    differs = None
    if prior.shape != expected:
        differs = f"{images} x {captions} instead of {expected[0]} x {expected[1]}"
    else:
        for key, value in _checksums(dataset).items():
            if prior.metadata.get(key, value) != value:
                differs = _DIFFERENCES[key]
                break
        # Earlier versions did not record it.
        if OWNERS not in prior.metadata and len({len(image.sentences) for image in dataset}) > 1:
            differs = differs or "which captions belong to which image is not recorded"
    if differs:
        raise RsitmdError(
            f"was computed from other data ({differs})",
            where=prior.path,
            hint="to compute it again, run: rsitmd build similarity",
        )


def _unreadable(path: Path, why: str) -> RsitmdError:
    return RsitmdError(
        f"is not a readable prior ({why})",
        where=path,
        hint="to compute it, run: rsitmd build similarity",
    )


def _check_dtype(dtype: str) -> None:
    if dtype not in DTYPES:
        raise WrongUsage(f"invalid dtype {dtype!r}", hint=f"use one of: {', '.join(DTYPES)}")


def _check_suffix(path: Path, threshold: float | None) -> None:
    if threshold is not None and not 0 <= threshold <= 1:
        raise WrongUsage(f"threshold {threshold:g} is not between 0 and 1")
    suffix, kind = (".npy", "dense") if threshold is None else (".npz", "sparse")
    if path.suffix != suffix:
        raise WrongUsage(
            f"unsupported file type for a {kind} prior",
            where=path,
            hint=f"use a name that ends in {suffix}",
        )


def _checksums(dataset: Dataset) -> dict[str, str]:
    return {
        "images_sha256": sha256_lines(image.filename for image in dataset),
        "captions_sha256": sha256_lines(dataset.captions()),
        OWNERS: sha256_lines(str(len(image.sentences)) for image in dataset),
    }
