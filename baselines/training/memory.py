"""Memory allocation of a process that trains on a CPU."""

from __future__ import annotations

from rsitmd_tools.imaging.memory import MEBIBYTE, MMAP_MAX, TOP_PAD, TRIM_THRESHOLD, set_malloc

NEVER_TRIM = 2**31 - 1
PAD_BYTES = 64 * MEBIBYTE


def keep_freed_memory() -> bool:
    """Configure the C library to keep freed memory for the next step.

    Every training step allocates and frees the same large tensors. By default, their memory is
    returned to the system, which zeroes the pages before it allocates them again. This takes a
    third of a step of EfficientNet-Lite0 (measured by benchmarks/training.py).

    Returns:
        Whether the C library supports this; only glibc does.
    """
    return set_malloc((MMAP_MAX, 0), (TRIM_THRESHOLD, NEVER_TRIM), (TOP_PAD, PAD_BYTES))
