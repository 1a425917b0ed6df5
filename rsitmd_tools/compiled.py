"""Compilation of kernels: once, cached on disk, without the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

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


def inner(function: F) -> F:
    """Compile a function that only kernels call, as a part of each of them.

    It has no entry from Python and no file in the cache, because the file of a kernel
    contains its parts. Without these a kernel is compiled in four fifths of the time.
    """
    njit: Any = numba.njit  # its annotations lack the last two options
    return cast(F, njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function))
