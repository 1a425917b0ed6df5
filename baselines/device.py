"""Device, number of devices and precision of a model."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from rsitmd_tools.errors import RsitmdError, WrongUsage

DEVICES = ("auto", "cpu", "cuda", "mps")
# What PyTorch calls x86 processors for which it has no fast products of bfloat16.
WITHOUT_BFLOAT16 = ("NO AVX", "AVX2")


def check_device(device: str, count: int) -> None:
    """Check that a device is available.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        count: Number of devices.

    Raises:
        RsitmdError: The device is not available, or fewer than ``count`` are.
        WrongUsage: The name is unknown, or the count is less than 1.
    """
    if device not in DEVICES:
        raise WrongUsage(f"unknown device {device!r}", hint=f"use one of: {', '.join(DEVICES)}")
    if count < 1:
        raise WrongUsage(f"invalid value for --devices: {count}", hint="use at least 1 device")
    available = {
        "auto": 1,
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }
    if not available[device]:
        raise RsitmdError(
            "is not available", where=f"device {device}", hint="use --device cpu or --device auto"
        )
    on = accelerator(device)
    if on != "cpu" and count > available.get(on, 1):
        raise RsitmdError(
            f"{count} requested, {available.get(on, 1)} available",
            where=f"device {on}",
            hint=f"use --devices {available.get(on, 1)}",
        )


def accelerator(device: str) -> str:
    """Return the name of the device; ``auto`` is a GPU if one is available."""
    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def precision(requested: str, device: str) -> str:
    """Return Lightning's name of a precision; ``auto`` is mixed on CUDA, full elsewhere.

    Args:
        requested: ``auto``, ``32``, ``16-mixed`` or ``bf16-mixed``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        WrongUsage: The device does not support it.
    """
    if requested == "32":
        return "32-true"
    if requested == "16-mixed" and accelerator(device) == "cpu":
        # Lightning would silently use bfloat16, and the configuration of the run would be wrong.
        raise WrongUsage(
            "precision=16-mixed is not supported on a CPU",
            hint="set precision=bf16-mixed or precision=32",
        )
    if requested != "auto":
        return requested
    if accelerator(device) != "cuda":
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


def slow_precisions(requested: Iterable[str], device: str) -> list[str]:
    """Return a note on each precision that the device only emulates.

    Args:
        requested: Precisions of configurations.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """
    emulated = (
        accelerator(device) == "cpu"
        and torch.backends.cpu.get_cpu_capability() in WITHOUT_BFLOAT16
        and "bf16-mixed" in requested
    )
    if not emulated:
        return []
    return [
        "precision=bf16-mixed: this CPU only emulates bfloat16, which takes many times as long; "
        "use --set precision=32"
    ]
