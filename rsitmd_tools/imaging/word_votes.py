"""The loop that compares signatures of descriptors, compiled by numba.

With matrices of NumPy, it takes ten times as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rsitmd_tools.compiled import compiled, inner

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Indices = npt.NDArray[np.intp]
    Signatures = npt.NDArray[np.uint64]


@inner
def _ones(bits: np.uint64) -> np.uint64:
    """Return the number of bits that are set; LLVM makes one instruction of it."""
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    pairs = np.uint64(0x3333333333333333)
    bits = (bits & pairs) + ((bits >> np.uint64(2)) & pairs)
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (bits * np.uint64(0x0101010101010101)) >> np.uint64(56)


@compiled
def add_votes(
    votes: Floats,
    rows: Indices,
    signatures: Signatures,
    columns: Indices,
    others: Signatures,
    closeness: Floats,
    weight: float,
    apart: npt.NDArray[np.uint8],
) -> None:
    """Add the votes of the descriptors of one word.

    Args:
        votes: ``(R, C)``, to which the weight of each match is added.
        rows: ``(N,)`` row of each descriptor.
        signatures: ``(N,)`` its signature.
        columns: ``(M,)`` column of each descriptor of the word.
        others: ``(M,)`` its signature.
        closeness: Weight of a match by the number of bits that differ; longer differences are
            no match.
        weight: Weight of the word.
        apart: ``(M,)``, a buffer.
    """
    limit = np.uint8(len(closeness))
    for one in range(len(signatures)):
        matches = 0
        for other in range(len(others)):
            bits = np.uint8(_ones(signatures[one] ^ others[other]))
            apart[other] = bits
            matches += int(bits < limit)
        if matches:
            # A descriptor with many matches is a repeated pattern.
            share = weight / np.sqrt(matches)
            for other in range(len(others)):
                if apart[other] < limit:
                    votes[rows[one], columns[other]] += share * closeness[apart[other]]
