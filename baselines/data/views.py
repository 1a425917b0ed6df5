"""The eight rotations and flips of an image; overhead images have no preferred orientation."""

from __future__ import annotations

import torch
from torch import Tensor

VIEWS = 8
# Number of quarter turns, and whether the image is flipped. K views are the first K entries.
_TURNS = (
    (0, False),
    (0, True),
    (2, False),
    (2, True),
    (1, False),
    (1, True),
    (3, False),
    (3, True),
)


def turned(images: Tensor, view: int) -> Tensor:
    """Return view 0 (unchanged) to 7 of ``(..., H, W)`` images."""
    quarters, flipped = _TURNS[view]
    view_images = images.flip(-1) if flipped else images
    return torch.rot90(view_images, quarters, (-2, -1)) if quarters else view_images
