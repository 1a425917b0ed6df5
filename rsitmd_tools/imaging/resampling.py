"""Resizing of RGB images with pixels that are not valid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

HALF = 128


def with_mask(rgb: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_]) -> Image.Image:
    """Return an image of mode RGB if all pixels are valid, else RGBa with black ones.

    In RGBa the colours are multiplied by the alpha. So pixels that are not valid have no part in
    the mean of their neighbours.
    """
    if valid.all():
        return Image.fromarray(rgb)
    layers = np.zeros((*valid.shape, 4), np.uint8)
    layers[..., :3] = rgb * valid[..., None]
    layers[..., 3] = valid.view(np.uint8) * 255
    return Image.frombuffer("RGBa", valid.shape[::-1], layers.tobytes(), "raw", "RGBa", 0, 1)


def without_mask(image: Image.Image) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Return the pixels and which are valid: those that at least half is known of.

    Args:
        image: An image of mode RGB or RGBa.
    """
    if image.mode == "RGB":
        rgb = np.asarray(image)
        return rgb, np.ones(rgb.shape[:2], bool)
    layers = np.asarray(image.convert("RGBA"))
    valid = layers[..., 3] >= HALF
    return layers[..., :3] * valid[..., None], valid


def resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize an image of mode RGB or RGBa (Lanczos)."""
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
