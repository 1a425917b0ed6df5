"""Measures of image files: what the rules of the families I and L look at.

A file is decoded once; all measures are taken from small copies, so that a check costs
little more than decoding.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.ingest.limits import UnusableImageError, check_bytes, check_size
from rsitmd_tools.ingest.pool import map_in_order

FORMATS = ("TIFF", "JPEG", "PNG")
SIDE = 32
LOW = 8


@dataclass(frozen=True, slots=True)
class Picture:
    """What was measured in an image file.

    Attributes:
        path: The file.
        problem: Why it cannot be read, or None; the measures are then worth nothing.
        width: In pixels.
        height: In pixels.
        mode: Pillow's name of the bands, ``RGB`` for most.
        deviation: Standard deviation of the grey values (0 to 255).
        sharpness: Standard deviation of the Laplacian of the grey values.
        nodata: Share of pure black or pure white pixels, whichever is more.
        hashes: Perceptual hashes of the eight turns and flips, 16 hex digits each.
        thumbnail: ``SIDE * SIDE`` grey values.
    """

    path: Path
    problem: str | None = None
    width: int = 0
    height: int = 0
    mode: str = ""
    deviation: float = 0.0
    sharpness: float = 0.0
    nodata: float = 0.0
    hashes: str = ""
    thumbnail: bytes = b""


def measure_images(dataset: Dataset) -> Iterator[tuple[ImageRecord, Picture]]:
    """Measure every image whose file is there, over all cores, in order.

    Nothing is yielded for a dataset without an image folder.
    """
    if dataset.image_folder is None:
        return
    found = []
    for image in dataset:
        try:
            found.append((image, dataset.image_path(image)))
        except RsitmdError:
            continue
    pictures = map_in_order(measure, [path for _, path in found])
    for (image, _), picture in zip(found, pictures, strict=True):
        yield image, picture


def measure(path: Path) -> Picture:
    """Decode an image file and measure it; a file that cannot be read gives its problem."""
    try:
        check_bytes(path.stat().st_size)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = decode(path)
    except (UnusableImageError, OSError) as error:
        return Picture(path, reason(error))
    except Exception as error:
        # Decoders raise nearly anything on a damaged file.
        return Picture(path, f"cannot be decoded ({reason(error)})")
    grey = image if image.mode == "L" else image.convert("L")
    counts = grey.histogram()
    pixels = image.width * image.height
    small = grey.resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=1.0)
    return Picture(
        path=path,
        width=image.width,
        height=image.height,
        mode=image.mode,
        deviation=_deviation(counts),
        sharpness=_sharpness(np.asarray(grey)),
        nodata=max(counts[0], counts[255]) / pixels,
        hashes=perceptual_hashes(np.asarray(small, dtype=np.float64)),
        thumbnail=small.tobytes(),
    )


def decode(path: Path) -> Image.Image:
    """Decode an image file as it is.

    Raises:
        UnusableImageError: It is no image, or its size is out of bounds.
    """
    data = path.read_bytes()
    if not data:
        raise UnusableImageError("is empty")
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    check_size(*image.size)
    image.load()
    return image


def perceptual_hashes(grey: npt.NDArray[np.float64]) -> str:
    """Return the perceptual hashes of a square image and of its seven turns and flips.

    The cosine transform of a flipped image has the signs of its odd rows or columns
    changed, that of a transposed one is transposed: one transform gives all eight.

    Args:
        grey: ``(SIDE, SIDE)`` grey values.

    Returns:
        Eight hashes of 16 hex digits (64 bits), the image's own first.
    """
    basis = _cosines()
    low = basis @ grey @ basis.T
    variants = np.concatenate([low * _SIGNS, low.T * _SIGNS]).reshape(8, LOW * LOW)
    middle = np.sort(variants, axis=1)[:, LOW * LOW // 2 - 1 :][:, :2].mean(axis=1, keepdims=True)
    return np.packbits(variants > middle, axis=1).tobytes().hex()


def orientations(square: npt.NDArray[np.uint8]) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield an image and its seven turns and flips."""
    transposed = np.swapaxes(square, 0, 1)
    for table in (square, transposed):
        for rows in (1, -1):
            for columns in (1, -1):
                yield table[::rows, ::columns]


_PLAIN, _TURNED = np.ones(LOW), np.where(np.arange(LOW) % 2, -1.0, 1.0)
_SIGNS = np.stack([np.outer(r, c) for r in (_PLAIN, _TURNED) for c in (_PLAIN, _TURNED)])


@cache
def _cosines() -> npt.NDArray[np.float64]:
    """The lowest rows of the cosine transform (type II): (LOW, SIDE)."""
    frequency, place = np.arange(LOW)[:, None], np.arange(SIDE)[None, :]
    table: npt.NDArray[np.float64] = np.cos(np.pi * frequency * (2 * place + 1) / (2 * SIDE))
    return table


def _deviation(counts: list[int]) -> float:
    """Standard deviation of values 0 to 255 from their histogram."""
    weights = np.asarray(counts[:256], dtype=np.float64)
    values = np.arange(256)
    mean = weights @ values / weights.sum()
    return float(np.sqrt(weights @ (values - mean) ** 2 / weights.sum()))


def _sharpness(grey: npt.NDArray[np.uint8]) -> float:
    """Standard deviation of the Laplacian; every other row says as much as all."""
    middle = grey[1:-1:2].astype(np.int16)
    laplacian = 4 * middle[:, 1:-1] - middle[:, :-2] - middle[:, 2:]
    laplacian -= grey[:-2:2, 1:-1]
    laplacian -= grey[2::2, 1:-1]
    # The sums are taken in float32: quicker than numpy's std, which makes float64 copies.
    values = laplacian.ravel().astype(np.float32)
    mean = float(values.sum()) / values.size
    return float(np.sqrt(max(float(values @ values) / values.size - mean * mean, 0.0)))
