"""The prior of a gallery: the release's where it fits, else computed."""

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
    """A prior, and where the gallery stands in it.

    Attributes:
        prior: Of images and captions that hold those of the gallery.
        rows: ``(N,)``, of each image its row.
        columns: ``(M,)``, of each text its column.
        about: What a result says of it.
    """

    prior: Prior
    rows: Indices
    columns: Indices
    about: Mapping[str, Any]


def gallery_prior(gallery: Gallery, split: str, scratch: Path) -> GalleryPrior:
    """Open the prior that lies beside the dataset, or compute the ``reference`` one.

    Args:
        gallery: The images and texts.
        split: Their split: the release's prior is ``prior/<split>.npy`` (or ``.npz``).
        scratch: A folder for the one that is computed.
    """
    source = gallery.asked.source
    base = source if source.is_dir() else source.parent
    for ending in ("npy", "npz"):
        file = base / "prior" / f"{split}.{ending}"
        if file.exists():
            # One of other data, or that cannot be read, is as good as none.
            with contextlib.suppress(RsitmdError):
                prior = load_prior(file, gallery.asked)
                about = {"definition": prior.definition, "sha256": sha256_file(file)}
                return GalleryPrior(prior, gallery.rows, gallery.columns, about)
    prior = write_prior(gallery.part, scratch / "prior.npy", dtype="float32")
    return GalleryPrior(
        prior,
        np.arange(gallery.images),
        np.arange(gallery.texts),
        {"definition": prior.definition, "sha256": sha256_file(prior.path)},
    )
