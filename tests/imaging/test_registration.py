"""Images whose pixels are divided by the contrast of their neighbourhood."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from rsitmd_tools.imaging.registration import NOISE, normalised


@pytest.mark.parametrize("size", [(128, 128), (64, 64), (128, 300), (64, 150), (128, 1), (20, 13)])
def test_normalised_pixels_are_those_of_a_mean_filter(size: tuple[int, int]) -> None:
    """The oracle is the filter of SciPy, in double precision."""
    images = np.random.default_rng(0).integers(0, 256, (3, *size)).astype(np.float32)
    window = 2 * max(2, size[0] // 24) + 1
    for image, found in zip(images, normalised(images), strict=True):
        detail = image - uniform_filter(image.astype(float), window, mode="nearest")
        square = uniform_filter(detail * detail, window, mode="nearest")
        assert np.allclose(found, detail / (np.sqrt(square) + NOISE), atol=1e-5)
