"""Memory allocation of a process that trains on a CPU."""

from __future__ import annotations

import ctypes
import sys

# Parameters of mallopt(3).
TRIM_THRESHOLD = -1
TOP_PAD = -2
MMAP_MAX = -4
NEVER_TRIM = 2**31 - 1
PAD_BYTES = 64 * 2**20


def keep_freed_memory() -> bool:
    """Configure the C library to keep freed memory for the next step.

    Every training step allocates and frees the same large tensors. By default, their memory is
    returned to the system, which zeroes the pages before it allocates them again. This takes a
    third of a step of EfficientNet-Lite0 (measured by benchmarks/training.py).

    Returns:
        Whether the C library supports this; only glibc does.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(
        mallopt(setting, value)
        for setting, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, NEVER_TRIM), (TOP_PAD, PAD_BYTES))
    )
