"""Measures of images, which the rules of the families I and L compare with thresholds.

Most measures use small copies, so that they cost little more than decoding the file.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.errors import reason
from rsitmd_tools.imaging.limits import UnusableImageError, check_bytes
from rsitmd_tools.imaging.pairs import Fingerprint, ImagePair, image_pairs
from rsitmd_tools.imaging.perceptual import SIDE, grey_thumbnail, perceptual_hashes
from rsitmd_tools.imaging.pixels import as_grey, open_image

SPARSE = 8  # every 8th row is measured first


class Lines(NamedTuple):
    """Thresholds of the rules for the measures of an image; see :class:`Picture`."""

    deviation: float
    sharpness: float


class ImageThresholds(Protocol):
    """The thresholds of rules that measures of an image depend on."""

    @property
    def uniform_deviation(self) -> float:
        """Maximum standard deviation of grey values of a uniform image."""

    @property
    def sharpness(self) -> float:
        """Maximum standard deviation of the Laplacian of a blurred image."""


def lines_of(thresholds: ImageThresholds) -> Lines:
    """Return the thresholds of the rules for the measures of an image."""
    return Lines(thresholds.uniform_deviation, thresholds.sharpness)


EXACT = Lines(math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Picture:
    """Measures of an image file.

    Attributes:
        path: The file.
        problem: Why it cannot be read, or None; the measures are then invalid.
        width: In pixels.
        height: In pixels.
        mode: Pillow's mode, usually ``RGB``.
        deviation: Standard deviation of the grey values (0 to 255); of some rows only if
            these prove that it is above the threshold of the rule.
        sharpness: Standard deviation of the Laplacian of the grey values; the same holds.
        nodata: Share of pure black or pure white pixels, whichever is more.
        thumbnail: ``SIDE * SIDE`` grey values.
        hashed: Those that an ingest hashes; empty unless asked for.
    """

    path: Path
    problem: str | None = None
    width: int = 0
    height: int = 0
    mode: str = ""
    deviation: float = 0.0
    sharpness: float = 0.0
    nodata: float = 0.0
    thumbnail: bytes = b""
    hashed: bytes = b""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.height


def measure(path: Path, lines: Lines = EXACT, *, hashed: bool = False) -> Picture:
    """Decode an image file and measure it; an unreadable file returns its problem."""
    try:
        check_bytes(path.stat().st_size)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = open_image(path)
            mode = image.mode
            # A JPEG file stores grey values: they are read without computing colours.
            if not hashed:
                image.draft("L", image.size)
            image.load()
    except (UnusableImageError, OSError) as error:
        return Picture(path, reason(error))
    except Exception as error:
        # Decoders raise many kinds of errors on damaged files.
        return Picture(path, f"cannot be decoded ({reason(error)})")
    picture = picture_of(path, image, mode, lines)
    return replace(picture, hashed=grey_thumbnail(image)) if hashed else picture


def picture_of(path: Path, image: Image.Image, mode: str, lines: Lines = EXACT) -> Picture:
    """Measure a decoded image.

    Args:
        path: Its file.
        image: The image, in colour or grey.
        mode: Pillow's mode of the file.
        lines: Thresholds of the rules.
    """
    shades = as_grey(image)
    values = np.asarray(shades)
    small = shades.resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=1.0)
    return Picture(
        path=path,
        width=image.width,
        height=image.height,
        mode=mode,
        deviation=_deviation(values, lines.deviation),
        sharpness=_sharpness(values, lines.sharpness),
        nodata=_nodata(values),
        thumbnail=small.tobytes(),
    )


def picture_pairs(pictures: Sequence[Picture], distance: int) -> list[ImagePair]:
    """Return the exact and near duplicates among measured images.

    Args:
        pictures: Measured images; unreadable ones have no pairs.
        distance: Maximum number of different hash bits of candidates.
    """
    readable = [index for index, picture in enumerate(pictures) if picture.problem is None]
    hashes = perceptual_hashes([pictures[index].thumbnail for index in readable])
    fingerprints = [
        Fingerprint(pictures[index].path, pictures[index].thumbnail, text)
        for index, text in zip(readable, hashes, strict=True)
    ]
    return [
        replace(pair, first=readable[pair.first], second=readable[pair.second])
        for pair in image_pairs(fingerprints, distance)
    ]


def _deviation(grey: npt.NDArray[np.uint8], line: float) -> float:
    """Standard deviation of grey values; see :func:`_clear`."""
    few = grey[::SPARSE]
    found = _spread(few)
    if _clear(found, few.size / grey.size, line):
        return found
    weights = np.bincount(grey.ravel(), minlength=256).astype(np.float64)
    values = np.arange(256)
    mean = weights @ values / weights.sum()
    return float(np.sqrt(weights @ (values - mean) ** 2 / weights.sum()))


def _sharpness(grey: npt.NDArray[np.uint8], line: float) -> float:
    """Standard deviation of the Laplacian; every other row is sufficient."""
    few = _laplacian(grey, SPARSE)
    found = _spread(few)
    share = few.shape[0] / len(range(1, grey.shape[0] - 1, 2))
    return found if _clear(found, share, line) else _spread(_laplacian(grey, 2))


def _clear(deviation: float, share: float, line: float) -> bool:
    """Return whether a part of the values proves that the deviation of all is above a threshold.

    Squared deviations add up: the deviation of all values is at least that of the part, times
    the square root of the share of the part. The factor 1.1 covers rounding errors.
    """
    return deviation * math.sqrt(share) > 1.1 * line


def _laplacian(grey: npt.NDArray[np.uint8], step: int) -> npt.NDArray[np.int16]:
    """Return the Laplacian of every ``step``-th row, from the second on."""
    middle = grey[1:-1:step].astype(np.int16)
    laplacian = 4 * middle[:, 1:-1] - middle[:, :-2] - middle[:, 2:]
    laplacian -= grey[:-2:step, 1:-1]
    laplacian -= grey[2::step, 1:-1]
    return laplacian


def _spread(table: npt.NDArray[np.uint8] | npt.NDArray[np.int16]) -> float:
    """Return the standard deviation of all values of a table."""
    # Sums in float32 are faster than numpy's std, which creates float64 copies.
    values = table.ravel().astype(np.float32)
    mean = float(values.sum()) / values.size
    return math.sqrt(max(float(values @ values) / values.size - mean * mean, 0.0))


def _nodata(grey: npt.NDArray[np.uint8]) -> float:
    """Return the share of pure black or pure white, whichever is more."""
    # Most images have neither: finding the extremes is faster than counting.
    black = grey.size - np.count_nonzero(grey) if not grey.min() else 0
    white = np.count_nonzero(grey == 255) if grey.max() == 255 else 0
    return float(max(black, white)) / grey.size
