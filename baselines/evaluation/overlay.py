"""A saliency map drawn over its image (figure 10); needs no torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

OPACITY = 0.5

Pixels = npt.NDArray[np.uint8]


def overlay(
    image: Pixels, salient: npt.NDArray[np.floating[Any]], colours: str = "turbo"
) -> Pixels:
    """Return an image with its map drawn over it, ``(H, W, 3)``.

    The colours reach from the lowest to the highest value of the map, because the linear layer
    that turns it into a mask can have weights of either sign.

    Args:
        image: ``(H, W, 3)``.
        salient: ``(g, g)``, of any scale.
        colours: A colour map of Matplotlib.
    """
    import matplotlib as mpl

    low, high = float(salient.min()), float(salient.max())
    scaled = (salient - low) / (high - low) if high > low else np.zeros_like(salient)
    size = image.shape[1], image.shape[0]
    large = Image.fromarray(scaled.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    coloured = mpl.colormaps[colours](np.clip(np.asarray(large), 0, 1))[..., :3] * 255
    over: Pixels = ((1 - OPACITY) * image + OPACITY * coloured).round().astype(np.uint8)
    return over
