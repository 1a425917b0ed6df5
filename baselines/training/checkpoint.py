"""Checkpoints, written atomically."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Checkpoint

from rsitmd_tools.atomic import atomic_path, remove_leftovers
from rsitmd_tools.baselines.evaluated_runs import HISTORY
from rsitmd_tools.baselines.run import Run, read_checkpoint
from rsitmd_tools.errors import RsitmdError, reason

# Saving takes at most one part in 20 of the time.
SAVED_EVERY = 20
# What a checkpoint must have, beside weights and history, to continue a training.
CONTINUED = ("loops", "optimizer_states", "lr_schedulers")


def best_epoch(history: Sequence[Mapping[str, float]]) -> int:
    """Return the first epoch with the highest validation recall; without validation, the last."""
    recalls = [entry["val_mean_recall"] for entry in history]
    return len(recalls) - 1 if math.isnan(recalls[-1]) else recalls.index(max(recalls))


def out_of_patience(history: Sequence[Mapping[str, float]], patience: int) -> bool:
    """Return whether ``patience`` epochs brought no better recall; a patience of 0 never ends."""
    return len(history) > patience > 0 and len(history) - 1 - best_epoch(history) >= patience


def read_history(run: Run) -> list[dict[str, float]]:
    """Return the history of the last checkpoint, one row per epoch; empty without checkpoint.

    Raises:
        RsitmdError: The checkpoint contains no history, or not all that a training continues
            with.
    """
    if not run.last.exists():
        return []
    checkpoint = read_checkpoint(run.last)
    missing = [key for key in CONTINUED if key not in checkpoint]
    if missing:
        raise RsitmdError(
            f"lacks {', '.join(missing)}, so the training cannot continue",
            where=run.last,
            hint="restore the checkpoint of this run, or use another folder",
        )
    try:
        return [{key: float(entry[key]) for key in HISTORY} for entry in checkpoint["history"]]
    except (KeyError, TypeError, ValueError) as error:
        raise RsitmdError(
            "contains no training history",
            where=run.last,
            hint="restore the checkpoint of this run, or use another folder",
        ) from error


class BestAndLast(Checkpoint):
    """Save the last finished epoch, and the weights of the best one.

    The best epoch has the highest validation recall; without validation it is the last one. Both
    files are written together, so a resumed run has the best of the epochs it does not repeat.

    Saving takes at most a twentieth of the time. On a fast GPU, an epoch of a small dataset takes
    less time than a checkpoint of it, so only some epochs are saved, and the last one always is.

    ``ModelCheckpoint`` of Lightning saves the last epoch only together with a new best one.
    Lightning calls subclasses of ``Checkpoint`` after the module has validated.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._better: dict[str, Any] | None = None
        self._unsaved = False
        self._next = 0.0

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Save if it is time; of equally good epochs, the first one is the best."""
        self._unsaved = True
        if best_epoch(pl_module.history) == len(pl_module.history) - 1:
            weights = {
                key: value.detach().to("cpu", copy=True)
                for key, value in pl_module.state_dict().items()
            }
            self._better = {"epoch": trainer.current_epoch, "state_dict": weights}
        # One process decides for all: saving is a collective operation.
        if trainer.strategy.broadcast(time.perf_counter() >= self._next):
            self._save(trainer)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Save the last epoch."""
        if self._unsaved:
            self._save(trainer)

    def _save(self, trainer: Any) -> None:
        began = time.perf_counter()
        if self._better is not None and trainer.is_global_zero:
            AtomicCheckpointIO().save_checkpoint(self._better, self._run.best)
        self._better = None
        trainer.save_checkpoint(self._run.last)
        self._unsaved = False
        ended = time.perf_counter()
        self._next = ended + (SAVED_EVERY - 1) * (ended - began)


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint to a temporary file, syncs it and renames it."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Save a checkpoint.

        Raises:
            RsitmdError: The disk is full, or the folder is not writable.
        """
        target = Path(path)
        remove_leftovers(target)
        try:
            with atomic_path(target) as partial, partial.open("wb") as stream:
                torch.save(checkpoint, stream)
        except RuntimeError as error:
            # The zip writer of torch wraps the error of the system.
            cause = error.__cause__ or error.__context__ or error
            raise RsitmdError(
                f"cannot be written ({reason(cause)})",
                where=target,
                hint="free some space and run the same command again with --resume",
            ) from error
