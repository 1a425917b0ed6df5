"""Compilation of kernels: once, cached on disk, without the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a kernel by numba when it is first called.

    The machine code is cached in ``NUMBA_CACHE_DIR``, beside the module or in the user's
    cache folder. If none of them is writable, each process compiles the kernel again. A
    kernel runs without the interpreter lock, so that several threads can run at once.
    """
    try:
        return cast(F, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba found no writable cache folder
        return cast(F, numba.njit(nogil=True)(function))
