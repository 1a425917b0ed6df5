"""How kernels are compiled: once, kept on disk, without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a kernel by numba when it is first called.

    The machine code is kept beside the module, else in the user's cache folder, or in the
    folder that ``NUMBA_CACHE_DIR`` names; where none can be written to, it is compiled
    anew in each process. A kernel runs without the interpreter's lock, so that plain
    threads share the rows.
    """
    try:
        return cast(F, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba found no folder to keep the machine code in
        return cast(F, numba.njit(nogil=True)(function))
