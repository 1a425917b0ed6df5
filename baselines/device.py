"""Where a model trains: device, processes, precision."""

from __future__ import annotations

import torch

from rsitmd_tools.errors import RsitmdError, WrongUsage

DEVICES = ("auto", "cpu", "cuda", "mps")


def check_device(device: str, count: int) -> None:
    """Refuse a device that is not there.

    Raises:
        RsitmdError: It is not there, or there are fewer.
        WrongUsage: No such name or count.
    """
    if device not in DEVICES:
        raise WrongUsage(f"no device {device!r}", hint=f"known: {', '.join(DEVICES)}")
    if count < 1:
        raise WrongUsage(f"{count} devices", hint="one is the least")
    there = {
        "auto": 1,
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }
    if not there[device]:
        raise RsitmdError(
            "is not there", where=f"device {device}", hint="train with --device cpu, or auto"
        )
    on = accelerator(device)
    if on != "cpu" and count > there.get(on, 1):
        raise RsitmdError(
            f"{count} asked for, {there.get(on, 1)} there",
            where=f"device {on}",
            hint=f"train with --devices {there.get(on, 1)}",
        )


def accelerator(device: str) -> str:
    """Return what ``auto`` stands for: a GPU where there is one."""
    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def precision(asked: str, device: str) -> str:
    """Return Lightning's name of a precision; ``auto`` is mixed on CUDA, full elsewhere.

    Raises:
        WrongUsage: The device does not have it.
    """
    if asked == "32":
        return "32-true"
    if asked == "16-mixed" and accelerator(device) == "cpu":
        # Lightning would take bfloat16 in its place, and the run would say something else.
        raise WrongUsage("precision=16-mixed on a CPU", hint="set precision=bf16-mixed, or 32")
    if asked != "auto":
        return asked
    if accelerator(device) != "cuda":
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
