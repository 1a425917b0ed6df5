"""Checkpoints that appear whole or not at all."""

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
    """Return the first epoch of the highest validation recall, the last without validation."""
    recalls = [entry["val_mean_recall"] for entry in history]
    return len(recalls) - 1 if math.isnan(recalls[-1]) else recalls.index(max(recalls))


def out_of_patience(history: Sequence[Mapping[str, float]], patience: int) -> bool:
    """Say whether so many epochs brought nothing better; a patience of 0 never ends."""
    return len(history) > patience > 0 and len(history) - 1 - best_epoch(history) >= patience


def read_history(run: Run) -> list[dict[str, float]]:
    """Return the history of a run's last checkpoint, a row an epoch; empty where there is none.

    Raises:
        RsitmdError: The checkpoint holds no history.
    """
    if not run.last.exists():
        return []
    try:
        return [dict(entry) for entry in read_checkpoint(run.last)["history"]]
    except (KeyError, TypeError, ValueError) as error:
        raise RsitmdError(
            "holds no history of a training",
            where=run.last,
            hint="restore the checkpoint of this run, or name another folder",
        ) from error


class BestAndLast(Checkpoint):
    """Keep the checkpoint of the last finished epoch, and that of the best one.

    The best has the highest validation recall; without validation it is the last.

    Lightning's own writes the last one only together with a new best; and a callback of
    this class hears of an epoch's end after the module has validated.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Save both; the earlier one of equally good epochs stays the best."""
        if best_epoch(pl_module.history) == len(pl_module.history) - 1:
            trainer.save_checkpoint(self._run.best)
        trainer.save_checkpoint(self._run.last)


class AtomicCheckpointIO(TorchCheckpointIO):
    """Write a checkpoint aside, sync it, rename it."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Save a checkpoint.

        Raises:
            RsitmdError: There is no space, or the folder cannot be written to.
        """
        target = Path(path)
        remove_leftovers(target)
        try:
            with atomic_path(target) as partial, partial.open("wb") as stream:
                torch.save(checkpoint, stream)
        except RuntimeError as error:
            if loading_error(str(error), target) is not None:
                raise  # a signal of the system, which comes at any moment
            # torch's zip writer hides the system's error behind its own.
            cause = error.__cause__ or error.__context__ or error
            raise RsitmdError(
                f"cannot be written ({reason(cause)})",
                where=target,
                hint="free some space and run the same command again with --resume",
            ) from error
