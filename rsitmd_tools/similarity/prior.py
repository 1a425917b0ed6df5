"""The prior as a file: a matrix images x captions beside what it was made of.

``test.npy`` (dense) or ``test.npz`` (sparse) holds the matrix, ``test.json`` the
definition, settings and checksums. A prior is opened only with the data it was made of.
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
TOKENIZER = "NLTK's word_tokenize, sentences by rule; see rsitmd_tools.text.tokens"
Matrix = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Prior:
    """A prior that was checked against its dataset.

    Attributes:
        values: The ``(N, M)`` similarities, memory-mapped: an array (NaN rows for images
            without words), or :class:`SparseValues`.
        path: The file.
        about: What the JSON beside it says.
    """

    values: Matrix | SparseValues
    path: Path
    about: Mapping[str, Any]

    @property
    def definition(self) -> str:
        """How it was computed: ``reference`` or ``paper``."""
        return str(self.about["definition"])

    @property
    def shape(self) -> tuple[int, int]:
        """Images and captions."""
        images, captions = self.values.shape
        return images, captions

    def at(self, images: npt.ArrayLike, captions: npt.ArrayLike) -> Matrix:
        """Return a block of the matrix; no more than that is read from the file.

        Args:
            images: Indices of ``n`` images, in the order of the dataset.
            captions: Indices of ``m`` captions, in the order of :meth:`Dataset.captions`.

        Returns:
            ``(n, m)``. In a sparse prior, a similarity below the threshold is the mean of
            all such.
        """
        rows, columns = np.asarray(images, np.int64), np.asarray(captions, np.int64)
        if isinstance(self.values, SparseValues):
            return self.values.block(rows, columns)
        return np.asarray(self.values[np.ix_(rows, columns)])

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a path: a worker process maps the file itself."""
        return _reopen, (self.path, dict(self.about))


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
        weights: Of BLEU and METEOR in ``paper``.
        dtype: ``float32`` or ``float64``, of the result.
        threads: Threads, all cores by default; the result does not depend on them.
        out: Where to put the result, such as a memory map; ``dtype`` is then its own.

    Returns:
        ``(N, M)``: images in order, captions in the order of :meth:`Dataset.captions`.
        Rows of images without words are NaN.

    Raises:
        WrongUsage: No such definition, weights or dtype.
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
    """Compute a prior into a file, with its JSON beside it.

    The matrix goes through a memory map, so it may be larger than memory. Both files
    appear whole or not at all.

    Args:
        dataset: Images and captions.
        path: The file: ``.npy``, or ``.npz`` where there is a threshold.
        definition: ``reference`` or ``paper``.
        weights: Of BLEU and METEOR in ``paper``.
        dtype: ``float32`` or ``float64``.
        threshold: Keep similarities from this on, and the mean of the others.
        threads: Threads; all cores by default.

    Raises:
        WrongUsage: No such definition, weights, dtype or threshold, or the file's ending
            does not fit.
        RsitmdError: There are no captions, or the file cannot be written.
    """
    path = Path(path)
    _check_dtype(dtype)
    _check_ending(path, threshold)
    if not dataset.captions():
        raise RsitmdError("holds no captions", where=dataset.source, hint="write some first")
    similarity = prepare(dataset, definition, weights)
    about = {
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
            about |= _write_dense(partial, similarity, dtype, threads)
        else:
            about |= _write_sparse(partial, similarity, dtype, threshold, threads)
    write_json(path.with_suffix(".json"), about)
    return _reopen(path, about)


def load_prior(path: Path, dataset: Dataset) -> Prior:
    """Open a prior and check that it was made of this dataset.

    Args:
        path: The ``.npy`` or ``.npz`` file.
        dataset: The images and captions it is for, in order.

    Raises:
        RsitmdError: It is absent or malformed, or was made of other data; the message
            says what differs.
    """
    path = Path(path)
    about = _read_json(path)
    try:
        prior = _reopen(path, about)
    except (OSError, ValueError) as error:
        raise _unreadable(path, reason(error)) from error
    if list(prior.shape) != about["shape"]:
        raise _unreadable(path, f"is {prior.shape}, its JSON says {about['shape']}")
    _check_data(prior, dataset)
    return prior


def _put(matrix: Matrix, first: int, block: Floats) -> None:
    matrix[first : first + len(block)] = block


def _write_dense(
    partial: Path, similarity: Similarity, dtype: str, threads: int | None
) -> dict[str, Any]:
    matrix = dense.create(partial, similarity.shape, dtype)

    def put(first: int, block: Floats) -> tuple[int, int, float]:
        _put(matrix, first, block)
        nan = int(np.isnan(block[:, 0]).sum())
        return len(block), nan, float(block.sum() if nan == 0 else np.nansum(block))

    nan_rows, total = 0, 0.0
    with progress("prior", similarity.shape[0]) as step:
        for rows, nan, part in map_blocks(similarity, put, threads):
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

    told = sparse.write(partial, similarity.shape, threshold, dtype, parts())
    return {**_summary(similarity, nan_rows, total), **told}


def _summary(similarity: Similarity, nan_rows: int, total: float) -> dict[str, Any]:
    images, captions = similarity.shape
    finite = (images - nan_rows) * captions
    return {"nan_rows": nan_rows, "mean": total / finite if finite else None}


@contextmanager
def _replaced_with_json(path: Path) -> Iterator[Path]:
    """Replace a prior; between the old JSON and the new one there is none.

    So that a kill never leaves a matrix beside the JSON of another.
    """
    remove_leftovers(path)
    with atomic_path(path) as partial:
        yield partial
        path.with_suffix(".json").unlink(missing_ok=True)


def _reopen(path: Path, about: Mapping[str, Any]) -> Prior:
    values = sparse.open_values(path) if path.suffix == ".npz" else dense.open_values(path)
    return Prior(values, path, about)


def _read_json(path: Path) -> dict[str, Any]:
    from rsitmd_tools.schemas import first_error, load_schema

    side = path.with_suffix(".json")
    try:
        about: dict[str, Any] = json.loads(side.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(side, reason(error)) from error
    problem = first_error(about, load_schema("prior"))
    if problem is not None:
        raise _unreadable(side, f"{problem.key}: {problem.message}")
    return about


def _check_data(prior: Prior, dataset: Dataset) -> None:
    """Refuse a prior of other data, in one line that says what differs."""
    images, captions = prior.shape
    expected = (len(dataset), len(dataset.captions()))
    differs = None
    if prior.shape != expected:
        differs = f"{images} x {captions} against {expected[0]} x {expected[1]} here"
    else:
        for key, value in _checksums(dataset).items():
            if prior.about[key] != value:
                differs = f"other {key.partition('_')[0]}"
                break
    if differs:
        raise RsitmdError(
            f"was made of other data ({differs})",
            where=prior.path,
            hint="compute it anew with: rsitmd build similarity",
        )


def _unreadable(path: Path, why: str) -> RsitmdError:
    return RsitmdError(
        f"is no prior that can be read ({why})",
        where=path,
        hint="compute it with: rsitmd build similarity",
    )


def _check_dtype(dtype: str) -> None:
    if dtype not in DTYPES:
        raise WrongUsage(f"no dtype {dtype!r} for a prior", hint=f"known: {', '.join(DTYPES)}")


def _check_ending(path: Path, threshold: float | None) -> None:
    if threshold is not None and not 0 <= threshold <= 1:
        raise WrongUsage(f"threshold {threshold:g} is not between 0 and 1")
    ending, kind = (".npy", "dense") if threshold is None else (".npz", "sparse")
    if path.suffix != ending:
        raise WrongUsage(f"a {kind} prior must end in {ending}", hint=f"got {path}")


def _checksums(dataset: Dataset) -> dict[str, str]:
    return {
        "images_sha256": sha256_lines(image.filename for image in dataset),
        "captions_sha256": sha256_lines(dataset.captions()),
    }
