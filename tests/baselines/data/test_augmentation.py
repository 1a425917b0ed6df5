"""Augmentation of an image with a brightness gradient: the gradient shows the rotation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from torch import Tensor

from rsitmd_tools.baselines.data.images import TrainingTransform

SIDE, CROP = 70, 64


@pytest.fixture(scope="module")
def slope() -> npt.NDArray[np.uint8]:
    """Return an image whose brightness increases to the right."""
    row = np.linspace(20, 235, SIDE).astype(np.uint8)
    return np.broadcast_to(row[None, :, None], (SIDE, SIDE, 3)).copy()


def direction(image: Tensor) -> float:
    """Return the direction of increasing brightness in the centre, in degrees from the right."""
    middle = image[0].numpy()[CROP // 4 : -CROP // 4, CROP // 4 : -CROP // 4]
    down, right = np.gradient(middle)
    return float(np.degrees(np.arctan2(-down.mean(), right.mean())))


def test_one_view_is_rotated_by_at_most_90_degrees(slope: npt.NDArray[np.uint8]) -> None:
    transform = TrainingTransform(CROP)
    found = np.array([direction(transform(slope, seed)) for seed in range(60)])
    assert found.min() > -1 and found.max() < 91
    # Evenly so: a sixth of them or more in every third.
    counts, _ = np.histogram(found, [-1, 30, 60, 91])
    assert counts.min() >= 10


@pytest.mark.parametrize(("view", "degrees"), [(0, 0), (1, 180), (2, 180), (4, 90), (6, -90)])
def test_stored_views_are_only_rotated_and_flipped(
    slope: npt.NDArray[np.uint8], view: int, degrees: float
) -> None:
    transform = TrainingTransform(CROP, 8)
    for seed in range(5):
        found = direction(transform(slope, seed, view))
        assert np.cos(np.radians(found - degrees)) == pytest.approx(1, abs=1e-4)


def test_crops_cover_all_positions(slope: npt.NDArray[np.uint8]) -> None:
    transform = TrainingTransform(CROP, 8)
    left = {round(float(255 * transform(slope, seed)[0, 0, 0])) for seed in range(60)}
    assert left == set(slope[0, : SIDE - CROP + 1, 0].tolist())
