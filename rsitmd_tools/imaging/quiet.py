"""Decoding without the messages of the decoders.

A decoder's error is reported once, by the exception it raises. Its warnings and log records are
not of use to the user, and libtiff and libpng write to file descriptor 2 directly, past
``sys.stderr``.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STDERR = 2
LOGGERS = ("PIL", "rasterio")

_lock = threading.Lock()
_users = 0
_saved: int | None = None


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Discard what image decoders report besides exceptions.

    While the block runs, descriptor 2 of the process is the null device. Blocks may overlap in
    several threads: the last one to end restores the descriptor.
    """
    for logger in map(logging.getLogger, LOGGERS):
        if logger.level != logging.CRITICAL:  # setting it drops what all loggers have cached
            logger.setLevel(logging.CRITICAL)
    _redirect()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _restore()


def _redirect() -> None:
    global _users, _saved
    with _lock:
        _users += 1
        if _users > 1:
            return
        if sys.stderr is not None:
            with suppress(OSError, ValueError):
                sys.stderr.flush()
        # If the descriptor is closed, there is nothing to redirect.
        with suppress(OSError):
            _saved = os.dup(STDERR)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, STDERR)
            os.close(null)


def _restore() -> None:
    global _users, _saved
    with _lock:
        _users -= 1
        if _users == 0 and _saved is not None:
            os.dup2(_saved, STDERR)
            os.close(_saved)
            _saved = None
