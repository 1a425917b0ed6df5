"""Perceptual hashes of images in all orientations, and pairs of similar images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

DIGITS = 16  # hex digits of one perceptual hash of 64 bits
BLOCK = 256  # number of images compared at once
HASHED_SIDE = 32  # side length to which imagehash.phash resizes an image
ORIENTATIONS = (
    None,
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_180,
    Image.Transpose.ROTATE_270,
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.TRANSVERSE,
)


def perceptual_hashes(image: Image.Image) -> str:
    """Return the perceptual hashes of an image in its eight orientations.

    An aerial image has no fixed orientation: a rotated one shows the same place.

    Returns:
        Eight hashes of 16 hex digits (64 bits) each. The first is that of the image as it is.
    """
    small = image.convert("L").resize((HASHED_SIDE, HASHED_SIDE), Image.Resampling.LANCZOS)
    turned = (small if turn is None else small.transpose(turn) for turn in ORIENTATIONS)
    return "".join(str(imagehash.phash(variant)) for variant in turned)


def near_pairs(phashes: Sequence[str], distance: int) -> Iterator[tuple[int, int]]:
    """Yield the pairs ``(i, j)`` of images that look similar, in any orientation.

    Two images are similar if the first hash of one and any hash of the other differ in at most
    ``distance`` bits. Each pair is yielded at least once, in either order. All pairs are compared:
    about 10^9 comparisons of 64 bits for 10 000 images, which take seconds.

    Args:
        phashes: Hashes of each image, 16 hex digits each: first that of the image as it is,
            then those of its other orientations. All images have the same number of hashes.
        distance: Maximum number of different bits, 0 to 64.
    """
    bits = np.array(
        [
            [int(text[at : at + DIGITS], 16) for at in range(0, len(text), DIGITS)]
            for text in phashes
        ],
        dtype=np.uint64,
    )
    upright = np.ascontiguousarray(bits[:, 0])
    for start in range(0, len(bits), BLOCK):
        near = _near(bits[start : start + BLOCK], upright, distance)
        left, right = np.nonzero(near)
        apart = left + start != right
        yield from zip((left[apart] + start).tolist(), right[apart].tolist(), strict=True)


def _near(
    turned: npt.NDArray[np.uint64], upright: npt.NDArray[np.uint64], distance: int
) -> npt.NDArray[Any]:
    """Return whether any of ``turned`` (B, K) is near to each of ``upright`` (N): (B, N) bool."""
    near = np.zeros((len(turned), len(upright)), dtype=bool)
    for hashes in turned.T:
        near |= np.bitwise_count(hashes[:, None] ^ upright) <= distance
    return near
