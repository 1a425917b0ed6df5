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
from rsitmd_tools.baselines.data.features import Features
from rsitmd_tools.baselines.data.images import unit_images
from rsitmd_tools.baselines.data.mapped import MappedArray
from rsitmd_tools.baselines.data.pairs import Batch, process
from rsitmd_tools.baselines.data.train_val_split import Parts
from rsitmd_tools.baselines.evaluation.hits import hits
from rsitmd_tools.baselines.losses import dynamic_margin, info_nce, triplet_loss
from rsitmd_tools.baselines.training.checkpoint import out_of_patience
from rsitmd_tools.baselines.training.gather import gather
from rsitmd_tools.baselines.training.memory import keep_freed_memory
from rsitmd_tools.baselines.training.prior import TrainingPrior
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
        val_images: Features or decoded images that include the validation part.
        val_rows: Rows of the validation part in ``val_images``.
        prior: The prior of the training part, for the dynamic margin.
    """

    def __init__(
        self,
        model: RetrievalModel,
        config: Config,
        tokenizer: Tokenizer,
        parts: Parts,
        val_images: Features | MappedArray,
        val_rows: npt.NDArray[np.integer[Any]],
        prior: TrainingPrior | None,
    ) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.history: list[dict[str, float]] = []
        training, validation = parts.training, parts.validation
        self._names = [image.filename for image in training]
        self._texts = _encode(tokenizer, training)
        self._equal = _EqualSentences(training) if config.mask_equal else None
        self._val_texts = _encode(tokenizer, validation)
        self._val_owners = np.array(validation.caption_owners())
        self._val_images = val_images
        self._val_rows = val_rows
        self._prior = prior
        self._losses: list[float] = []
        self._earlier_seconds = 0.0
        self._started = 0.0

    def on_fit_start(self) -> None:
        """Start the clock and configure memory, in each training process."""
        self._started = time.perf_counter()
        if self.device.type == "cpu":
            keep_freed_memory()

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the loss of one batch with the negatives of all processes."""
        features, images, columns = batch
        # Dropout depends only on seed, epoch and step, too.
        rank, _ = process()
        draw = np.random.SeedSequence([self.config.seed, self.current_epoch, index, rank])
        torch.manual_seed(int(draw.generate_state(1)[0]))
        if self.config.freeze_backbone:
            encoded = self.model.encode_features(features)
        else:
            encoded = self.model.encode_images(features[0])
        texts = self.model.encode_texts(self._texts.take(columns.cpu()).to(self.device))
        images, columns = gather(images), gather(columns)
        scores = self.model.score(gather(encoded), gather(texts)).float()
        loss = self._loss(scores, images.cpu().numpy(), columns.cpu().numpy())
        if not torch.isfinite(loss):
            names = ", ".join(self._names[image] for image in images.tolist())
            raise RsitmdError(
                f"the loss is {loss.item()} at step {self.global_step} "
                f"(epoch {self.current_epoch + 1})",
                where=f"batch of images {names}",
                hint="use a lower learning rate with --set lr=...",
            )
        self._losses.append(loss.item() / len(scores))
        return loss

    def on_train_epoch_start(self) -> None:
        """Set the training mode; frozen modules keep their batch statistics."""
        self._losses = []
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
        self._check_finite()
        recall = self.validate_now() if self.config.validate else math.nan
        loss = float(np.mean(self._losses))
        self.history.append({"epoch": self.current_epoch, "loss": loss, "val_mean_recall": recall})
        self.log_dict({"loss": loss, "val_mean_recall": recall})
        if out_of_patience(self.history, self.config.patience):
            self.trainer.should_stop = True

    def _check_finite(self) -> None:
        """Check that the weights are finite; the loss was computed before the last step."""
        for name, parameter in self.model.named_parameters():
            if not torch.isfinite(parameter).all():
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
            [group for group in groups if group["params"]], weight_decay=config.weight_decay
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

    def _loss(
        self,
        scores: Tensor,
        images: npt.NDArray[np.integer[Any]],
        columns: npt.NDArray[np.integer[Any]],
    ) -> Tensor:
        # A sentence of the same image is not a negative, even in another pair of the batch.
        negative = images[:, None] != images[None]
        if self._equal is not None:
            negative &= ~self._equal.at(images, columns)
        is_negative = torch.from_numpy(negative).to(scores.device)
        if self.config.loss == "infonce":
            return info_nce(scores, self.config.temperature, is_negative)
        margin = self._margin(images, columns, scores.device)
        return triplet_loss(scores, margin, self.config.negatives, is_negative)

    def _margin(
        self,
        images: npt.NDArray[np.integer[Any]],
        columns: npt.NDArray[np.integer[Any]],
        device: torch.device,
    ) -> Tensor | float:
        margin = self.config.margin
        if self._prior is None:
            return margin.value
        block = np.asarray(self._prior.at(images, columns), np.float32)
        prior = torch.from_numpy(np.ascontiguousarray(block)).to(device)
        return dynamic_margin(prior, margin.gamma, margin.beta)

    def _encode_images(self, rows: npt.NDArray[np.integer[Any]]) -> Tensor:
        if isinstance(self._val_images, Features):
            parts = [part.to(self.device) for part in self._val_images.at(rows)]
            return self.model.encode_features(parts)
        return self.model.encode_images(unit_images(self._val_images.array[rows]).to(self.device))


class _EqualSentences:
    """Sentences that are equal to a sentence of an image, ignoring case."""

    def __init__(self, training: Dataset) -> None:
        number: dict[str, int] = {}
        self._captions = np.array(
            [number.setdefault(raw.strip().lower(), len(number)) for raw in training.captions()]
        )
        self._own: list[set[int]] = [set() for _ in training]
        for caption, owner in zip(self._captions, training.caption_owners(), strict=True):
            self._own[owner].add(int(caption))

    def at(
        self, images: npt.NDArray[np.integer[Any]], columns: npt.NDArray[np.integer[Any]]
    ) -> npt.NDArray[np.bool_]:
        captions = self._captions[columns].tolist()
        return np.array([[c in self._own[image] for c in captions] for image in images.tolist()])


def validation_recall(
    scores: npt.NDArray[np.floating[Any]], owners: npt.NDArray[np.integer[Any]]
) -> float:
    """Return the mean recall in percent."""
    ids = np.arange(len(scores))
    both = (hits(scores, ids, owners).expected, hits(scores.T, owners, ids).expected)
    return float(100 * np.mean([found.mean(0) for found in both]))


def _encode(tokenizer: Tokenizer, part: Dataset) -> Texts:
    return tokenizer.encode(part.captions(), tokenizer.keywords_of(part))
