"""The prior as a file: a matrix images x captions beside what it was made of.

``test.npy`` holds the matrix, ``test.json`` the definition, settings and checksums. A
prior is opened only with the data it was made of.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools import __version__
from rsitmd_tools.atomic import atomic_path, write_json
from rsitmd_tools.dataset.records import Dataset, captions_by_image
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.hashing import sha256_lines

DEFINITIONS = ("reference",)
TOKENIZER = "NLTK Treebank words, lower-cased, Porter stems; see rsitmd_tools.similarity.tokens"


@dataclass(frozen=True, slots=True)
class Prior:
    """A prior that was checked against its dataset.

    Attributes:
        values: ``(N, M)`` similarities, memory-mapped; NaN rows for images without words.
        path: The file.
        definition: How it was computed.
    """

    values: npt.NDArray[np.floating[Any]]
    path: Path
    definition: str

    def at(
        self, images: npt.NDArray[np.integer[Any]], captions: npt.NDArray[np.integer[Any]]
    ) -> npt.NDArray[np.floating[Any]]:
        """Return the block of these images (rows) and captions (columns); reads no more."""
        return np.asarray(self.values[images[:, None], captions[None, :]])


def compute_prior(
    dataset: Dataset,
    definition: str = "reference",
    dtype: str = "float64",
    threads: int | None = None,
) -> npt.NDArray[np.floating[Any]]:
    """Compute the similarity of every image with every caption of a dataset.

    Returns:
        ``(N, M)``: images in order, captions in the order of :meth:`Dataset.captions`.
    """
    out = np.empty((len(dataset), len(dataset.captions())), dtype)
    _fill(dataset, definition, out, threads)
    return out


def write_prior(
    dataset: Dataset,
    path: Path,
    definition: str = "reference",
    dtype: str = "float64",
    threads: int | None = None,
) -> Prior:
    """Compute a prior into ``path`` (.npy), with its JSON beside it.

    The matrix is written through a memory map, so it may be larger than memory.

    Raises:
        RsitmdError: The path cannot be written to.
    """
    if path.suffix != ".npy":
        raise RsitmdError("must end in .npy", where=path, mend="name it so")
    shape = (len(dataset), len(dataset.captions()))
    with atomic_path(path) as partial:
        _reserve(partial, int(np.prod(shape)) * np.dtype(dtype).itemsize)
        out = np.lib.format.open_memmap(partial, mode="w+", dtype=np.dtype(dtype), shape=shape)
        _fill(dataset, definition, out, threads)
        out.flush()
        missing = int(np.isnan(out[:, 0]).sum()) if out.size else 0
        del out
    write_json(
        path.with_suffix(".json"),
        {
            "tool": f"rsitmd-tools {__version__}",
            "definition": definition,
            "tokenizer": TOKENIZER,
            "dtype": dtype,
            "shape": list(shape),
            **_checksums(dataset),
            "nan_rows": missing,
        },
    )
    return load_prior(path, dataset)


def load_prior(path: Path, dataset: Dataset) -> Prior:
    """Open a prior and check that it was made of this dataset.

    Raises:
        RsitmdError: It is absent or malformed, or was made of other data; the message
            says what differs.
    """
    side = path.with_suffix(".json")
    try:
        about = json.loads(side.read_text(encoding="utf-8"))
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise RsitmdError(
            f"is no prior that can be read ({reason(error)})",
            where=path,
            mend="compute it with: rsitmd build similarity",
        ) from error
    shape = [len(dataset), len(dataset.captions())]
    checks = {"shape": shape, **_checksums(dataset)}
    for key, expected in checks.items():
        found = list(values.shape) if key == "shape" else about.get(key)
        if found != expected:
            told = f"{found} against {expected}" if key == "shape" else "other " + key.split("_")[0]
            raise RsitmdError(
                f"was made of other data ({told})",
                where=path,
                mend="compute it anew with: rsitmd build similarity",
            )
    return Prior(values, path, str(about.get("definition")))


def _fill(dataset: Dataset, definition: str, out: npt.NDArray[Any], threads: int | None) -> None:
    if definition not in DEFINITIONS:
        raise RsitmdError(f"no definition is called {definition!r}", mend="use reference")
    from rsitmd_tools.similarity.reference import reference_similarity

    reference_similarity(captions_by_image(dataset.images), out, threads)


def _reserve(path: Path, size: int) -> None:
    """Take the disk space first: a memory map on a full disk ends the process instead."""
    import os

    with path.open("wb") as stream:
        if size:
            os.posix_fallocate(stream.fileno(), 0, size)


def _checksums(dataset: Dataset) -> dict[str, str]:
    return {
        "images_sha256": sha256_lines(image.filename for image in dataset),
        "captions_sha256": sha256_lines(dataset.captions()),
    }
