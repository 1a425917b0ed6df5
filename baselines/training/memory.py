"""Memory of a process that trains on a CPU."""

from __future__ import annotations

import ctypes
import sys

# Of mallopt(3).
TRIM_THRESHOLD = -1
TOP_PAD = -2
MMAP_MAX = -4
NEVER = 2**31 - 1
AT_ONCE = 64 * 2**20


def keep_freed_memory() -> bool:
    """Let the C library keep what is freed, for the next step.

    A training step makes and frees the same large tensors again and again. By default each
    goes back to the system and is handed out anew, zeroed page by page: a third of the time of a
    step of EfficientNet-Lite0 (benchmarks/training.py measures it).

    Returns:
        Whether the C library took it; only glibc has these settings.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(
        mallopt(setting, value)
        for setting, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, NEVER), (TOP_PAD, AT_ONCE))
    )
