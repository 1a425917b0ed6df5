"""Images whose hash depends on how a machine rounds."""

from __future__ import annotations

import numpy as np
import pytest

from rsitmd_tools.imaging.perceptual import SIDE
from rsitmd_tools.quality.nearest import _is_steady

NOISE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)


def test_an_image_without_symmetry_has_one_hash() -> None:
    assert _is_steady(NOISE.tobytes())


@pytest.mark.parametrize(
    "symmetric",
    [
        np.full((SIDE, SIDE), 7, np.uint8),
        np.repeat(NOISE[:1], SIDE, axis=0),
        np.repeat(NOISE[:, :1], SIDE, axis=1),
        np.vstack([NOISE[: SIDE // 2], NOISE[: SIDE // 2][::-1]]),
        np.hstack([NOISE[:, : SIDE // 2], NOISE[:, : SIDE // 2][:, ::-1]]),
        np.vstack([NOISE[: SIDE // 2], NOISE[: SIDE // 2][::-1, ::-1]]),
        np.minimum(NOISE, NOISE.T),
    ],
    ids=["one colour", "columns", "rows", "up", "left", "turned", "diagonal"],
)
def test_the_hash_of_a_symmetric_image_depends_on_rounding(symmetric: np.ndarray) -> None:
    assert not _is_steady(symmetric.tobytes())
