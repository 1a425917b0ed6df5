"""The Lightning module: training step, validation, optimiser, history."""

from __future__ import annotations

import math
import time
from typing import Any

import lightning
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from rsitmd_tools.baselines.base import RetrievalModel, Texts, Tokenizer
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.data.augmentation import rotated_crops, turned_crops
from rsitmd_tools.baselines.data.batches import Batch
from rsitmd_tools.baselines.data.images import unit_images
from rsitmd_tools.baselines.data.pairs import process
from rsitmd_tools.baselines.data.rows import StoredRows
from rsitmd_tools.baselines.data.train_val_split import Parts
from rsitmd_tools.baselines.evaluation.hits import hits
from rsitmd_tools.baselines.losses import bce_loss, dynamic_margin, info_nce, triplet_loss
from rsitmd_tools.baselines.training.checkpoint import out_of_patience
from rsitmd_tools.baselines.training.gather import gather
from rsitmd_tools.baselines.training.graphs import GraphedSteps
from rsitmd_tools.baselines.training.loss_watch import LossWatch
from rsitmd_tools.baselines.training.memory import keep_freed_memory
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError

BATCH = 64


class RetrievalModule(lightning.LightningModule):
    """A retrieval model with its loss, optimiser and validation.

    Args:
        model: The model.
        config: The configuration.
        tokenizer: The tokenizer of the model.
        parts: The training and the validation part.
        source: Features or decoded images of the training part.
        val_images: Features or decoded images that include the validation part, as ``source``.
        val_rows: Rows of the validation part in ``val_images``.
        graphs: Compute steps as CUDA graphs where possible. It does not affect the result.
    """

    def __init__(
        self,
        model: RetrievalModel,
        config: Config,
        tokenizer: Tokenizer,
        parts: Parts,
        source: StoredRows,
        val_images: StoredRows,
        val_rows: npt.NDArray[np.integer[Any]],
        graphs: bool = True,
    ) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.history: list[dict[str, float]] = []
        validation = parts.validation
        self._source = source
        self._watch = LossWatch([image.filename for image in parts.training])
        self._val_texts = encode_part(tokenizer, validation)
        self._val_owners = np.array(validation.caption_owners())
        self._val_images = val_images
        self._val_rows = val_rows
        self._use_graphs = graphs
        self._steps: GraphedSteps | None = None
        self._has_gradients = False
        self._earlier_seconds = 0.0
        self._started = 0.0

    def on_fit_start(self) -> None:
        """Start the clock and configure memory, in each training process."""
        self._started = time.perf_counter()
        if self.device.type == "cpu":
            keep_freed_memory()
        self._source.load(self.device)
        self._val_images.load(self.device)
        if self._use_graphs and self._can_use_graphs():
            trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
            self._steps = GraphedSteps(self.loss_of, trained)

    def transfer_batch_to_device(
        self, batch: Batch, device: torch.device, dataloader_idx: int
    ) -> Batch:
        """Copy a batch to the device, without waiting for the copy."""
        return batch.map(lambda tensor: tensor.to(device, non_blocking=True))

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the loss of one batch with the negatives of all processes."""
        # Dropout depends only on seed, epoch and step, too.
        rank, _ = process()
        draw = np.random.SeedSequence([self.config.seed, self.current_epoch, index, rank])
        torch.manual_seed(int(draw.generate_state(1)[0]))
        if self._steps is None:
            loss, self._has_gradients = self.loss_of(batch), False
        else:
            loss, self._has_gradients = self._steps(batch)
        self._watch.add(loss, self.global_step, self.current_epoch, batch.images)
        return loss

    def loss_of(self, batch: Batch) -> Tensor:
        """Return the loss of a batch. It never waits for the device."""
        parts = self._source.take(batch.stored, batch.rows, batch.views)
        if self.config.freeze_backbone:
            encoded = self.model.encode_features([part.float() for part in parts])
        else:
            encoded = self.model.encode_images(self._augmented(parts[0], batch))
        texts = self.model.encode_texts(batch.texts)
        scores = self.model.score(gather(encoded), gather(texts)).float()
        return self._loss(scores, batch)

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: Any) -> None:
        """Forget gradients; Lightning calls this after the step and before ``backward``."""
        if not self._has_gradients:
            optimizer.zero_grad()

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Compute gradients, unless a graph has computed them."""
        if not self._has_gradients:
            super().backward(loss, *args, **kwargs)

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Limit the norm of the gradient; Lightning refuses to do so with a fused optimiser."""
        if gradient_clip_val:
            torch.nn.utils.clip_grad_norm_(self.parameters(), gradient_clip_val)

    def _can_use_graphs(self) -> bool:
        """Return whether a step can be a CUDA graph.

        Collective operations of several processes and loss scaling need the host.
        """
        single = self.trainer.world_size == 1
        return self.device.type == "cuda" and single and not self._scales_loss()

    def _scales_loss(self) -> bool:
        return str(self.trainer.precision) == "16-mixed"

    def _augmented(self, pixels: Tensor, batch: Batch) -> Tensor:
        size = self.config.image_size
        if self.config.views > 1:
            return turned_crops(pixels, size, batch.views, batch.corners)
        return rotated_crops(pixels, size, batch.degrees, batch.corners)

    def on_train_epoch_start(self) -> None:
        """Set the training mode; frozen modules keep their batch statistics."""
        self.model.train()
        backbone = self.model.frozen_part()
        if self.config.freeze_backbone:
            backbone.eval()
        elif self.config.freeze_batch_norm:
            for module in backbone.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()

    def on_train_epoch_end(self) -> None:
        """Validate, extend the history, and stop if the patience is exhausted.

        Without a validation part, the recall in the history is NaN.
        """
        loss = self._watch.mean()
        self._check_finite()
        recall = self.validate_now() if self.config.validate else math.nan
        self.history.append({"epoch": self.current_epoch, "loss": loss, "val_mean_recall": recall})
        self.log_dict({"loss": loss, "val_mean_recall": recall})
        if out_of_patience(self.history, self.config.patience):
            self.trainer.should_stop = True

    def _check_finite(self) -> None:
        """Check that the weights are finite; the loss was computed before the last step."""
        names, parameters = zip(*self.model.named_parameters(), strict=True)
        finite = torch.stack([torch.isfinite(parameter).all() for parameter in parameters])
        for name, good in zip(names, finite.tolist(), strict=True):
            if not good:
                raise RsitmdError(
                    f"weights are not finite after step {self.global_step - 1} "
                    f"(epoch {self.current_epoch + 1})",
                    where=name,
                    hint="use a lower learning rate with --set lr=...",
                )

    @torch.no_grad()
    def validate_now(self) -> float:
        """Return the mean recall of the validation part in percent."""
        was_training = self.model.training
        self.model.eval()
        images = torch.cat(
            [
                self._encode_images(self._val_rows[first : first + BATCH])
                for first in range(0, len(self._val_rows), BATCH)
            ]
        )
        rows = torch.arange(len(self._val_texts))
        texts = torch.cat(
            [
                self.model.encode_texts(self._val_texts.take(some).to(self.device))
                for some in torch.split(rows, BATCH)
            ]
        )
        scores = self.model.score(images, texts).float().cpu().numpy()
        self.model.train(was_training)
        return validation_recall(scores, self._val_owners)

    def configure_optimizers(self) -> Any:
        """Return AdamW with a step or cosine schedule; the backbone may have its own rate."""
        config = self.config
        of_backbone = {id(parameter) for parameter in self.model.frozen_part().parameters()}
        groups: list[dict[str, Any]] = [
            {
                "params": [
                    parameter
                    for parameter in self.model.parameters()
                    if parameter.requires_grad and (id(parameter) in of_backbone) is backbone
                ],
                "lr": (config.backbone_lr or config.lr) if backbone else config.lr,
            }
            for backbone in (False, True)
        ]
        optimizer = torch.optim.AdamW(
            [group for group in groups if group["params"]],
            weight_decay=config.weight_decay,
            # Loss scaling and a fused optimiser exclude gradient clipping.
            fused=True if self.device.type == "cuda" and not self._scales_loss() else None,
        )
        epochs = max(1, config.epochs)

        def factor(epoch: int) -> float:
            if config.schedule == "cosine":
                return (1 + math.cos(math.pi * min(epoch, epochs) / epochs)) / 2
            return float(config.lr_decay ** (epoch // config.lr_decay_epochs))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the history and the total seconds of all sessions as plain data."""
        checkpoint["history"] = self.history
        checkpoint["seconds"] = self._earlier_seconds + time.perf_counter() - self._started

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the history."""
        self.history = [dict(entry) for entry in checkpoint["history"]]
        self._earlier_seconds = float(checkpoint.get("seconds", 0))

    def _loss(self, scores: Tensor, batch: Batch) -> Tensor:
        if self.config.loss == "infonce":
            return info_nce(scores, self.config.temperature, batch.negative)
        if self.config.loss == "bce":
            return bce_loss(scores, self.config.negatives, batch.negative)
        margin: Tensor | float = self.config.margin.value
        if batch.prior.numel():
            margin = dynamic_margin(batch.prior, self.config.margin.gamma, self.config.margin.beta)
        return triplet_loss(scores, margin, self.config.negatives, batch.negative)

    def _encode_images(self, rows: npt.NDArray[np.integer[Any]]) -> Tensor:
        views = np.zeros(len(rows), np.int64)
        read = [part.to(self.device) for part in self._val_images.read(rows, views)]
        places = [torch.from_numpy(values).to(self.device) for values in (rows, views)]
        parts = self._val_images.take(read, *places)
        if self.config.freeze_backbone:
            return self.model.encode_features([part.float() for part in parts])
        return self.model.encode_images(unit_images(parts[0]))


def validation_recall(
    scores: npt.NDArray[np.floating[Any]], owners: npt.NDArray[np.integer[Any]]
) -> float:
    """Return the mean recall in percent."""
    ids = np.arange(len(scores))
    both = (hits(scores, ids, owners).expected, hits(scores.T, owners, ids).expected)
    return float(100 * np.mean([found.mean(0) for found in both]))


def encode_part(tokenizer: Tokenizer, part: Dataset) -> Texts:
    """Return all captions of a part, encoded by the tokenizer."""
    return tokenizer.encode(part.captions(), tokenizer.keywords_of(part))
