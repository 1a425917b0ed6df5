"""Checkpoints, written atomically."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Checkpoint

from rsitmd_tools.atomic import atomic_path, remove_leftovers
from rsitmd_tools.baselines.data.loading import loading_error
from rsitmd_tools.baselines.run import Run, read_checkpoint
from rsitmd_tools.errors import RsitmdError, reason


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
        RsitmdError: The checkpoint contains no history.
    """
    if not run.last.exists():
        return []
    try:
        return [dict(entry) for entry in read_checkpoint(run.last)["history"]]
    except (KeyError, TypeError, ValueError) as error:
        raise RsitmdError(
            "contains no training history",
            where=run.last,
            hint="restore the checkpoint of this run, or use another folder",
        ) from error


class BestAndLast(Checkpoint):
    """Save the checkpoint of the last finished epoch and that of the best epoch.

    The best epoch has the highest validation recall; without validation it is the last one.

    ``ModelCheckpoint`` of Lightning saves the last epoch only together with a new best one.
    Lightning calls subclasses of ``Checkpoint`` after the module has validated.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Save both; of equally good epochs, the first one is the best."""
        if best_epoch(pl_module.history) == len(pl_module.history) - 1:
            trainer.save_checkpoint(self._run.best)
        trainer.save_checkpoint(self._run.last)


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
            if loading_error(str(error), target) is not None:
                raise  # a signal from a loading process, which can arrive at any time
            # The zip writer of torch wraps the error of the system.
            cause = error.__cause__ or error.__context__ or error
            raise RsitmdError(
                f"cannot be written ({reason(cause)})",
                where=target,
                hint="free some space and run the same command again with --resume",
            ) from error
