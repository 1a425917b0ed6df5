"""The prior of a gallery: that of the release if it matches, else a computed one."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rsitmd_tools.baselines.evaluation.gallery import Gallery, Indices
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.similarity import Prior, load_prior, write_prior


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
    source = gallery.asked.source
    base = source if source.is_dir() else source.parent
    for ending in ("npy", "npz"):
        file = base / "prior" / f"{split}.{ending}"
        if file.exists():
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
