"""Checkpoints that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from rsitmd_tools.atomic import atomic_path, remove_leftovers
from rsitmd_tools.errors import RsitmdError, reason


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
            # torch's zip writer hides the system's error behind its own.
            cause = error.__cause__ or error.__context__ or error
            raise RsitmdError(
                f"cannot be written ({reason(cause)})",
                where=target,
                mend="free some space and run the same command again with --resume",
            ) from error
