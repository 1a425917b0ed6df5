"""Pictures that a browser can show: JPEG renditions, plain or below a map."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.baselines.localisation.map_files import coloured
from rsitmd_tools.imaging.pixels import rgb_image

SIDE = 360  # longest side of a picture in a list, in pixels
QUALITY = 82


def picture(path: Path) -> npt.NDArray[np.uint8]:
    """Return an image, reduced to :data:`SIDE`, as ``(H, W, 3) uint8``.

    Raises:
        RsitmdError: It cannot be decoded.
    """
    small = rgb_image(path)
    small.thumbnail((SIDE, SIDE))
    return np.asarray(small)


def below_saliency(
    pixels: npt.NDArray[np.uint8], salient: npt.NDArray[np.float32]
) -> npt.NDArray[np.uint8]:
    """Lay a saliency map over an image; its lowest value is dark, its highest bright.

    Args:
        pixels: ``(H, W, 3)``.
        salient: ``(g, g)``, of any scale.
    """
    low, high = float(salient.min()), float(salient.max())
    scaled = (salient - low) / (high - low) if high > low else np.zeros_like(salient)
    return coloured(pixels, scaled.astype(np.float32), np.ones(salient.shape, np.bool_))


def jpeg(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return an ``(H, W, 3)`` picture as a JPEG file."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()
