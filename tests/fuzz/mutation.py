"""Random changes of a file, and the limits of time and memory for reading it."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

from tests.memory import peak_memory, reset_peak_memory

SECONDS = 10.0  # of CPU, so that a busy machine is no fault


MEGABYTES = 1000.0  # a campaign may add to the memory: an image of 64 megapixels needs 500


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Change, cut, repeat or insert some bytes."""
    blob = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(blob) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            blob[at : at + chance.randrange(1, 30)] = b""
        elif kind == 1:
            blob[at:at] = chance.randbytes(chance.randrange(1, 9))
        elif kind == 2:
            blob[at:at] = blob[at : at + 40]
        elif kind == 3:
            blob[at:at] = chance.choice(
                [b"\0", b'"', b"{", b"]", b"\n", b"\xff\xfe", b"\xe2\x80\xae", b"1e999", b"NaN"]
            )
        else:
            for k in range(at, min(at + 4, len(blob))):
                blob[k] = chance.randrange(256)
    return bytes(blob)


@contextlib.contextmanager
def bounded_memory() -> Iterator[None]:
    """See that the peak of the memory grows by no more than :data:`MEGABYTES`."""
    before = reset_peak_memory()
    yield
    grown = (peak_memory() - before) / 1e6
    assert grown < MEGABYTES, f"{grown:.0f} MB more"
