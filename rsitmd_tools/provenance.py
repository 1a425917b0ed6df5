"""The command and the machine that a result was computed with."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import shlex
import sys
from pathlib import Path
from typing import Any

from rsitmd_tools import __version__

CPUINFO = Path("/proc/cpuinfo")
# The packages that affect the result of a training or an evaluation.
PACKAGES = ("torch", "torchvision", "timm", "lightning", "numpy", "pillow")
OPTIONAL = ("open_clip_torch", "scipy", "sentence-transformers", "tokenizers", "transformers")


def command() -> str | None:
    """Return the command line of ``rsitmd``; None in a process of another program.

    Worker processes have the command line of the process that started them.
    """
    program = Path(sys.argv[0])
    if program.stem != "rsitmd" and program.parts[-2:] != ("rsitmd_tools", "__main__.py"):
        return None
    return shlex.join(["rsitmd", *sys.argv[1:]])


def processor() -> str:
    """Return the name of the processor, or its architecture if the name is unknown."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def versions() -> dict[str, str]:
    """Return the versions of the packages that affect a result, if they are installed."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    for name in OPTIONAL:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return {"rsitmd-tools": __version__, "python": platform.python_version(), **found}


def machine(device: str = "cpu") -> dict[str, Any]:
    """Return a description of this machine.

    Args:
        device: The device that computes; for ``cuda`` the GPU's name is added.
    """
    import torch  # commands that do not train or evaluate do not wait for it

    found = {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
    return {**found, "gpu": torch.cuda.get_device_name()} if device == "cuda" else found
