"""Compute a prior, in memory or block by block into a file."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from rsitmd_tools import __version__
from rsitmd_tools.atomic import atomic_path, remove_leftovers, write_json
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.progress import progress
from rsitmd_tools.similarity import dense, sparse
from rsitmd_tools.similarity.arrays import Floats
from rsitmd_tools.similarity.definitions import EQUAL_WEIGHTS, prepare
from rsitmd_tools.similarity.prior import Matrix, Prior, checksums, reopen
from rsitmd_tools.similarity.rows import Similarity, map_blocks

SPARSE = "use a sparse one (rsitmd build similarity --threshold), or another disk"
DTYPES = ("float32", "float64")
TOKENIZER = "NLTK's word_tokenize, sentences by rule; see rsitmd_tools.text.tokens"


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
            the matrix is larger than the free space of the disk, or it cannot be written.
    """
    path = Path(path)
    _check_dtype(dtype)
    _check_suffix(path, threshold)
    _check_json_is_free(path)
    if not dataset.captions():
        raise RsitmdError("has no captions", where=dataset.source, hint="add captions first")
    if threshold is None:
        check_space(path.parent, [dataset], dtype, SPARSE)
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
        **checksums(dataset),
    }
    with _replaced_with_json(path) as partial:
        if threshold is None:
            metadata |= _write_dense(partial, similarity, dtype, threads)
        else:
            metadata |= _write_sparse(partial, similarity, dtype, threshold, threads)
    write_json(path.with_suffix(".json"), metadata)
    return reopen(path, metadata)


def check_space(folder: Path, datasets: Iterable[Dataset], dtype: str, hint: str) -> None:
    """Check that the disk has space for the priors of datasets, whose captions take long to index.

    Args:
        folder: The folder of the priors; it need not exist.
        datasets: The datasets.
        dtype: Data type of the matrices.
        hint: What the user can do if there is too little space.

    Raises:
        RsitmdError: The priors are larger than the free space.
    """
    values = sum(len(dataset) * len(dataset.captions()) for dataset in datasets)
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    size, disk = values * np.dtype(dtype).itemsize, shutil.disk_usage(there)
    if size > disk.free and disk.total:  # some network file systems say that they have nothing
        raise RsitmdError(
            f"the prior takes {size / 1e9:.1f} GB, and the disk has {disk.free / 1e9:.1f} GB left",
            where=folder,
            hint=hint,
        )


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
