"""A run ready to score a gallery: its model on a device, and the decoded images it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch

from rsitmd_tools.baselines.base import RetrievalModel, Tokenizer
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.data.digests import images_checksum
from rsitmd_tools.baselines.data.images import decode_images
from rsitmd_tools.baselines.data.train_val_split import learns_from
from rsitmd_tools.baselines.device import accelerator
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.result import TrainedModel
from rsitmd_tools.baselines.evaluation.scoring import Encoded, encode
from rsitmd_tools.baselines.integrity import check_run
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.hashing import sha256_file

# What a run records about its training beside data, weights and settings.
TRAINING_KEYS = ("command", "versions", "machine", "devices", "excluded")


class DecodedImages:
    """The images of a gallery, decoded once for each size."""

    def __init__(self, gallery: Gallery, scratch: Path) -> None:
        """Decode into a folder, which must stay while the pixels are read."""
        self._gallery = gallery
        self._scratch = scratch
        self._of_size: dict[int, npt.NDArray[np.uint8]] = {}

    def of_size(self, size: int) -> npt.NDArray[np.uint8]:
        """Return ``(N, size, size, 3)`` uint8.

        Raises:
            RsitmdError: An image cannot be read.
        """
        if size not in self._of_size:
            file = self._scratch / f"images-{size}.npy"
            self._of_size[size] = decode_images(self._gallery.part, size, file)
        return self._of_size[size]


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """The best model of a run.

    Attributes:
        run: The run.
        model: The model on its device.
        tokenizer: Its tokenizer.
        config: Its configuration.
        manifest: run.json.
        device: ``cpu``, ``cuda`` or ``mps``.
    """

    run: Run
    model: RetrievalModel
    tokenizer: Tokenizer
    config: Config
    manifest: Mapping[str, Any]
    device: str

    @classmethod
    def of(cls, run: Run, device: str) -> Self:
        """Load a run.

        Args:
            run: The run.
            device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

        Raises:
            RsitmdError: The run is unfinished or its files do not belong together.
        """
        model, tokenizer, config = run.load()
        manifest = check_run(run, config)
        used = accelerator(device)
        model.to(torch.device(used))
        return cls(run, model, tokenizer, config, manifest, used)

    def encode(self, gallery: Gallery, pixels: npt.NDArray[np.uint8], views: int) -> Encoded:
        """Encode the images and sentences of a gallery; see :func:`encode`."""
        captions, keywords = gallery.part.captions(), self.tokenizer.keywords_of(gallery.part)
        return encode(self.model, self.tokenizer, pixels, captions, keywords, views)

    def source(self, dataset: Dataset, gallery: Gallery, split: str, views: int) -> TrainedModel:
        """Return how the scores of this run on a gallery are made."""
        manifest, config = self.manifest, self.config
        same = bool(manifest["data_sha256"] == dataset.checksum())
        return TrainedModel(
            trained_on_this_data=same,
            # For other data only the checksum is known, not which images it has.
            seen_in_training=learns_from(config, split) if same else None,
            training_data_sha256=manifest["data_sha256"],
            images_sha256=images_checksum(gallery.part),
            prior=manifest["prior"],
            model=config.model,
            seed=config.seed,
            weights=manifest["weights"],
            text_weights=manifest.get("text_weights"),
            settings=config.as_dict(),
            checkpoint_sha256=sha256_file(self.run.best),
            device=self.device,
            views=views,
            training_finished=manifest.get("finished") is not None,
            training={key: manifest[key] for key in TRAINING_KEYS if key in manifest},
        )
