"""Augmentation of a whole batch on the device of the model: rotation, crop, rotations and flips.

What is drawn for a pair is part of the plan of its epoch (:mod:`.pairs`); nothing here is random.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from rsitmd_tools.baselines.data.views import VIEWS, turned

# Resize to 278 and crop to 256 pixels, as in the paper; other sizes in proportion.
RESIZED_TO_CROP = 278 / 256
# The paper rotates by 0 to 90 degrees.
MAX_DEGREES = 90.0


def resized_size(crop: int) -> int:
    """Return the size to which images are resized before a training crop of size ``crop``."""
    return round(crop * RESIZED_TO_CROP)


def rotated_crops(pixels: Tensor, crop: int, degrees: Tensor, corners: Tensor) -> Tensor:
    """Rotate each image about its centre and crop it.

    The result is that of torchvision's ``rotate`` (bilinear, black corners) and ``crop``, but
    for rounding: one interpolation computes only the pixels of the crop, without rounding to
    whole grey levels.

    Args:
        pixels: ``(B, S, S, 3)`` uint8.
        crop: Side C of the crop in pixels.
        degrees: ``(B,)`` float32, counter-clockwise.
        corners: ``(B, 2)`` int64, top and left corner of the crop.

    Returns:
        ``(B, 3, C, C)`` float32 in [0, 1].
    """
    side = pixels.shape[1]
    radians = degrees * (math.pi / 180)
    cosine, sine = torch.cos(radians), torch.sin(radians)
    # Distance of a pixel of the crop from the centre of the image, in halves of the image's side.
    steps = torch.arange(crop, device=pixels.device, dtype=torch.float32)
    down, right = ((corners[:, axis, None] + steps - (side - 1) / 2) * 2 / side for axis in (0, 1))
    x = cosine[:, None, None] * right[:, None] - sine[:, None, None] * down[:, :, None]
    y = sine[:, None, None] * right[:, None] + cosine[:, None, None] * down[:, :, None]
    images = pixels.permute(0, 3, 1, 2).float()
    rotated = grid_sample(images, torch.stack([x, y], -1), align_corners=False)
    return rotated / 255


def turned_crops(pixels: Tensor, crop: int, views: Tensor, corners: Tensor) -> Tensor:
    """Crop each image and return it in one of its eight rotations and flips.

    Args:
        pixels: ``(B, S, S, 3)`` uint8.
        crop: Side C of the crop in pixels.
        views: ``(B,)`` int64, see :func:`turned`.
        corners: ``(B, 2)`` int64, top and left corner of the crop.

    Returns:
        ``(B, 3, C, C)`` float32 in [0, 1].
    """
    side = pixels.shape[1]
    first = torch.arange(len(pixels), device=pixels.device) * side * side
    first = first + corners[:, 0] * side + corners[:, 1]
    places = _places(crop, side, pixels.device)[views] + first[:, None]
    taken = pixels.reshape(-1, 3).index_select(0, places.flatten())
    return taken.view(-1, crop, crop, 3).permute(0, 3, 1, 2).float() / 255


_tables: dict[tuple[int, int, torch.device], Tensor] = {}


def _places(crop: int, side: int, device: torch.device) -> Tensor:
    """Return ``(8, C * C)``: the place of each pixel of each view, relative to the corner."""
    key = (crop, side, device)
    if key not in _tables:
        rows = torch.arange(crop)
        places = rows[:, None] * side + rows
        views = [turned(places, view).flatten() for view in range(VIEWS)]
        _tables[key] = torch.stack(views).to(device)
    return _tables[key]
