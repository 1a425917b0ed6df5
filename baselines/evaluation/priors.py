"""The prior of a gallery: that of the release if it matches, else a computed one."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rsitmd_tools.baselines.evaluation.gallery import Gallery, Indices
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.progress import no_progress
from rsitmd_tools.similarity import Prior, load_prior, write_prior
from rsitmd_tools.similarity.reference import load_kernel

# Similarities of a prior that takes two seconds or less.
MOST_BESIDE = 50_000_000


@dataclass(frozen=True, slots=True)
class GalleryPrior:
    """A prior, and the positions of a gallery in it.

    Attributes:
        prior: A prior whose images and captions include those of the gallery.
        rows: ``(N,)``, the row of each image.
        columns: ``(M,)``, the column of each text.
        metadata: Definition and checksum, for the result.
    """

    prior: Prior
    rows: Indices
    columns: Indices
    metadata: Mapping[str, Any]


def gallery_prior(gallery: Gallery, split: str, scratch: Path) -> GalleryPrior:
    """Open the prior beside the dataset, or compute the ``reference`` prior.

    Args:
        gallery: The images and texts.
        split: Their split: the release's prior is ``prior/<split>.npy`` (or ``.npz``).
        scratch: A folder for a computed prior.
    """
    for file in _released(gallery, split):
        # A prior of other data, or an unreadable one, is ignored.
        with contextlib.suppress(RsitmdError):
            prior = load_prior(file, gallery.asked)
            metadata = {"definition": prior.definition, "sha256": sha256_file(file)}
            return GalleryPrior(prior, gallery.rows, gallery.columns, metadata)
    prior = write_prior(gallery.part, scratch / "prior.npy", dtype="float32")
    return GalleryPrior(
        prior,
        np.arange(gallery.images),
        np.arange(gallery.texts),
        {"definition": prior.definition, "sha256": sha256_file(prior.path)},
    )


@contextlib.contextmanager
def prior_beside(gallery: Gallery, split: str) -> Iterator[Callable[[], GalleryPrior]]:
    """Compute the prior of a gallery in a thread, while the images are encoded.

    If the gallery is large, the thread only loads the kernel. The prior is computed when it is
    needed, and shows its progress.

    Yields:
        A function that waits for the prior of :func:`gallery_prior` and returns it.
    """
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(1, "prior") as pool:
        compute = partial(gallery_prior, gallery, split, Path(scratch))
        pairs = gallery.images * gallery.texts
        if pairs <= MOST_BESIDE or _released(gallery, split):
            yield pool.submit(_silently, compute).result
            return
        pool.submit(load_kernel, pairs)
        yield compute


def _silently(compute: Callable[[], GalleryPrior]) -> GalleryPrior:
    with no_progress():
        return compute()


def _released(gallery: Gallery, split: str) -> list[Path]:
    """Return the files of a prior beside the dataset."""
    source = gallery.asked.source
    base = source if source.is_dir() else source.parent
    files = (base / "prior" / f"{split}.{ending}" for ending in ("npy", "npz"))
    return [file for file in files if file.exists()]
