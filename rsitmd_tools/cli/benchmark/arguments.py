"""Arguments of several commands: checks of RUN and PATH, and the names of configurations.

An error names the argument, because both RUN and PATH are folders.
"""

from __future__ import annotations

import importlib.resources
from pathlib import Path

from rsitmd_tools.errors import RsitmdError


def shipped_configs() -> list[str]:
    """Return the names of the shipped configurations, without importing a baseline."""
    folder = importlib.resources.files("rsitmd_tools.baselines") / "configs"
    names = (file.name for file in folder.iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def check_run(run: Path) -> None:
    """Check that RUN is a run, or contains the runs of several seeds or folds.

    Raises:
        RsitmdError: It does not exist, or contains no run.
    """
    hint = "pass a folder created by: rsitmd benchmark train"
    if not run.is_dir():
        raise RsitmdError("is not a folder" if run.exists() else "does not exist",
                          where=f"RUN {run}", hint=hint)  # fmt: skip
    if not (run / "run.json").exists() and not any(run.glob("*/run.json")):
        raise RsitmdError("contains no run", where=f"RUN {run}", hint=hint)


def check_dataset(path: Path) -> None:
    """Check that PATH exists.

    Raises:
        RsitmdError: It does not exist.
    """
    if not path.exists():
        raise RsitmdError(
            "does not exist", where=f"PATH {path}", hint="pass the folder or file of a dataset"
        )
