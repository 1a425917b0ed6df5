"""What the C library does with freed memory."""

from __future__ import annotations

import ctypes
import sys

# Parameters of mallopt(3).
TRIM_THRESHOLD = -1
TOP_PAD = -2
MMAP_THRESHOLD = -3
MMAP_MAX = -4
MEBIBYTE = 2**20


def set_malloc(*settings: tuple[int, int]) -> bool:
    """Set parameters of the memory allocation of this process.

    Args:
        settings: Pairs of a parameter of ``mallopt(3)`` and its value.

    Returns:
        Whether the C library supports this; only glibc does.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(*setting) for setting in settings)


def keep_some_memory() -> bool:
    """Keep up to 64 MiB of freed memory for the next image.

    By default, the memory of one image is returned to the system, which zeroes the pages before it
    allocates them again for the next one. With huge pages these are two megabytes each time, which
    takes 5 % of an ingest. Blocks of more than 32 MiB, of large scenes, are still returned.

    Returns:
        Whether the C library supports this.
    """
    return set_malloc((TRIM_THRESHOLD, 64 * MEBIBYTE), (MMAP_THRESHOLD, 32 * MEBIBYTE))
