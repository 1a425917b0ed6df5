"""Small copies of grey images have the values of Pillow's resize."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rsitmd_tools.imaging.perceptual import SIDE
from rsitmd_tools.imaging.reduction import LARGEST, reduced


def resized(grey: Image.Image) -> bytes:
    return grey.resize((SIDE, SIDE), Image.Resampling.LANCZOS).tobytes()


def pixels(seed: int, width: int, height: int, levels: int) -> Image.Image:
    """Random grey values: with two levels, sums often leave 0..255 and are clipped."""
    values = np.random.default_rng(seed).integers(0, levels, (height, width))
    return Image.fromarray((values * (255 // (levels - 1))).astype(np.uint8))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(16, LARGEST + 8),
    st.sampled_from([2, 3, 256]),
)
def test_a_square_has_the_values_of_pillow(seed: int, side: int, levels: int) -> None:
    grey = pixels(seed, side, side, levels)
    assert reduced(grey, SIDE).tobytes() == resized(grey)


@pytest.mark.parametrize("size", [(256, 255), (40, 500), (500, 40), (16, 300)])
def test_other_shapes_have_the_values_of_pillow(size: tuple[int, int]) -> None:
    grey = pixels(0, *size, 256)
    assert reduced(grey, SIDE).tobytes() == resized(grey)


@pytest.mark.parametrize("level", [0, 1, 127, 254, 255])
def test_plain_images_stay_plain(level: int) -> None:
    grey = Image.new("L", (256, 256), level)
    assert set(reduced(grey, SIDE).tobytes()) == set(resized(grey)) == {level}


def test_stripes_at_the_limits_of_the_range() -> None:
    """Black and white stripes of all widths: rounding, overshoot and clipping."""
    for width in range(1, 32):
        lines = (np.arange(256) // width % 2 * 255).astype(np.uint8)
        for values in (np.tile(lines, (256, 1)), np.tile(lines[:, None], (1, 256))):
            grey = Image.fromarray(np.ascontiguousarray(values))
            assert reduced(grey, SIDE).tobytes() == resized(grey)
