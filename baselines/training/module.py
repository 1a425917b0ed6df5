"""The model under training: one step, one epoch, its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightning
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rsitmd_tools.baselines.base import RetrievalModel, Tokenizer
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.evaluation.recall import hits
from rsitmd_tools.baselines.evaluation.scoring import score_matrix
from rsitmd_tools.baselines.losses import dynamic_margin, triplet_loss
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.similarity import Prior

Batch = tuple[Tensor, Tensor, Tensor]


class RetrievalModule(lightning.LightningModule):
    """A retrieval model with its loss, optimiser and validation.

    Args:
        model: The model.
        config: The configuration.
        vocabulary: Words by number.
        train: The training part.
        val: The validation part.
        val_pixels: Its images, ``(N, S, S, 3)`` uint8.
        prior: The prior of the training part, for the dynamic margin.
    """

    def __init__(
        self,
        model: RetrievalModel,
        config: Config,
        vocabulary: Tokenizer,
        train: Dataset,
        val: Dataset,
        val_pixels: npt.NDArray[np.uint8],
        prior: Prior | None,
    ) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.history: list[dict[str, float]] = []
        self._vocabulary = vocabulary
        self._captions = train.captions()
        self._keywords = vocabulary.keywords_of(train)
        self._names = [image.filename for image in train]
        self._val = val
        self._val_pixels = val_pixels
        self._prior = prior
        self._losses: list[float] = []

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Loss of one batch: images, their indices, columns of their captions."""
        images, indices, columns = batch
        texts = self._vocabulary.encode(
            [self._captions[c] for c in columns.tolist()],
            [self._keywords[c] for c in columns.tolist()],
        )
        scores = self.model.score(
            self.model.encode_images(images), self.model.encode_texts(texts.to(self.device))
        )
        loss = triplet_loss(scores, self._margin(indices, columns), self.config.negatives)
        if not torch.isfinite(loss):
            names = ", ".join(self._names[index] for index in indices.tolist()[:3])
            raise RsitmdError(
                f"the loss is {loss.item()} at step {self.global_step}",
                where=f"images {names}, ...",
                mend="lower the learning rate with --set lr=...",
            )
        self._losses.append(loss.item() / len(images))
        return loss

    def on_train_epoch_start(self) -> None:
        """Begin an epoch; a frozen backbone keeps its statistics."""
        self._losses = []
        if self.config.freeze_backbone:
            self.model.backbone.eval()  # type: ignore[operator,union-attr]

    def on_train_epoch_end(self) -> None:
        """Validate, and add a line to the history."""
        scores = score_matrix(
            self.model,
            self._vocabulary,
            self._val_pixels,
            self._val.captions(),
            self._vocabulary.keywords_of(self._val),
        )
        recall = validation_recall(scores, self._val.caption_owners())
        loss = float(np.mean(self._losses))
        self.history.append({"epoch": self.current_epoch, "loss": loss, "val_mean_recall": recall})
        self.log_dict({"loss": loss, "val_mean_recall": recall})

    def configure_optimizers(self) -> Any:
        """Adam, its rate lowered in steps."""
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimizer = torch.optim.Adam(trained, lr=self.config.lr)
        schedule = torch.optim.lr_scheduler.StepLR(
            optimizer, self.config.lr_decay_epochs, self.config.lr_decay
        )
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the history as plain data."""
        checkpoint["history"] = self.history

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the history up again."""
        self.history = [dict(entry) for entry in checkpoint["history"]]

    def _margin(self, indices: Tensor, columns: Tensor) -> Tensor | float:
        margin = self.config.margin
        if self._prior is None:
            return margin.value
        block = self._prior.at(indices.cpu().numpy(), columns.cpu().numpy())
        prior = torch.from_numpy(np.ascontiguousarray(block)).to(self.device, torch.float32)
        return dynamic_margin(prior, margin.gamma, margin.beta)


def validation_recall(scores: npt.NDArray[np.floating[Any]], owners: Sequence[int]) -> float:
    """Return the mean recall in percent."""
    ids = np.arange(len(scores))
    texts = np.array(owners)
    both = (hits(scores, ids, texts).expected, hits(scores.T, texts, ids).expected)
    return float(100 * np.mean([found.mean(0) for found in both]))
