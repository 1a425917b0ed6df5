"""The garbage collector of Python, which costs a fifth of a long computation with many records."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Search for no cycles of references while the block runs.

    A dataset is hundreds of thousands of small objects without cycles. The collector would scan
    them again and again and free nothing. All other objects are freed as always.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
