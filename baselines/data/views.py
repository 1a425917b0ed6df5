"""The eight rotations and flips of an image: what an overhead image may be turned to."""

from __future__ import annotations

import torch
from torch import Tensor

VIEWS = 8
# Quarter turns and whether it is flipped; the first K are the K views.
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
    """Return view 0 (as it is) to 7 of ``(..., H, W)`` images."""
    quarters, flipped = _TURNS[view]
    seen = images.flip(-1) if flipped else images
    return torch.rot90(seen, quarters, (-2, -1)) if quarters else seen
