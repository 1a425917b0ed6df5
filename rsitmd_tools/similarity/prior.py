"""The prior as a file: a matrix (images x captions) and its metadata.

``test.npy`` (dense) or ``test.npz`` (sparse) contains the matrix, and ``test.json`` the
definition, settings and checksums. A prior is only opened with the data it was computed from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.hashing import sha256_lines
from rsitmd_tools.similarity import dense, sparse
from rsitmd_tools.similarity.sparse import SparseValues

# Checksum of the number of captions of each image: which captions belong to which image.
OWNERS = "owners_sha256"
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
        return reopen, (self.path, dict(self.metadata))


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
        prior = reopen(path, metadata)
    except (OSError, ValueError, EOFError) as error:  # EOFError: the file is empty
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


def reopen(path: Path, metadata: Mapping[str, Any]) -> Prior:
    """Map the matrix of a prior whose metadata are known."""
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
        for key, value in checksums(dataset).items():
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


def checksums(dataset: Dataset) -> dict[str, str]:
    """Return what identifies the images and captions of a prior."""
    return {
        "images_sha256": sha256_lines(image.filename for image in dataset),
        "captions_sha256": sha256_lines(dataset.captions()),
        OWNERS: sha256_lines(str(len(image.sentences)) for image in dataset),
    }
