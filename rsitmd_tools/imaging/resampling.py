"""Resizing of RGB images with pixels that are not valid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

HALF = 0.5


class Layers(NamedTuple):
    """An image with the weight of each pixel: the share of it that is valid.

    Attributes:
        light: Colours multiplied by the weight, ``(H, W, 3) uint8`` or ``float32``, 0 to 255.
        weight: Share of each pixel that is valid, ``(H, W) float32``; None if all is.
    """

    light: npt.NDArray[np.uint8] | npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32] | None


def layers_of(rgb: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_]) -> Layers:
    """Return the layers of an image; pixels that are not valid have weight 0.

    Args:
        rgb: Pixels ``(H, W, 3)``; those that are not valid are black.
        valid: Which pixels are valid, ``(H, W)``.
    """
    return Layers(rgb, None if valid.all() else valid.astype(np.float32))


def reduced(layers: Layers, factor: int) -> Layers:
    """Return an image of bytes at 1 / factor of its size, averaged."""
    light = np.asarray(Image.fromarray(layers.light).reduce(factor))
    if layers.weight is None:
        return Layers(light, None)
    return Layers(light, np.asarray(Image.fromarray(layers.weight).reduce(factor)))


def stacked(strips: list[Layers]) -> Layers:
    """Return one image of strips from top to bottom."""
    light = np.concatenate([strip.light for strip in strips])
    if all(strip.weight is None for strip in strips):
        return Layers(light, None)
    weights = [
        np.ones(strip.light.shape[:2], np.float32) if strip.weight is None else strip.weight
        for strip in strips
    ]
    return Layers(light, np.concatenate(weights))


def resized(
    layers: Layers, size: tuple[int, int]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Resize an image (Lanczos); pixels that are not valid have no part in their neighbours.

    Args:
        layers: The image.
        size: Width and height of the result.

    Returns:
        Pixels ``(H, W, 3) uint8``, and whether each one is valid ``(H, W) bool``. A pixel is
        valid if at least half of its area is valid. Other pixels are black.
    """
    if layers.weight is None:
        return np.asarray(_lanczos(Image.fromarray(layers.light), size)), np.ones(size[::-1], bool)
    weight = _plane(layers.weight, size)
    valid = weight >= HALF
    safe = np.where(valid, weight, 1.0)
    planes = [_plane(layers.light[..., band], size) / safe * valid for band in range(3)]
    rgb = np.stack(planes, axis=-1).round().clip(0, 255).astype(np.uint8)
    return rgb, valid


def _plane(values: npt.NDArray[np.number], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Resize one plane without a limit on its values, so that weights and colours match."""
    return np.asarray(_lanczos(Image.fromarray(values.astype(np.float32)), size))


def _lanczos(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
