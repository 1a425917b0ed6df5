"""Augmentation of a batch, compared with torchvision's functions of one image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from rsitmd_tools.baselines.data.augmentation import resized_size, rotated_crops, turned_crops
from rsitmd_tools.baselines.data.views import VIEWS, turned

SIDE, CROP = 70, 64


def random_images(count: int, side: int, seed: int) -> Tensor:
    draw = np.random.default_rng(seed)
    return torch.from_numpy(draw.integers(0, 256, (count, side, side, 3), np.uint8))


@settings(max_examples=30, deadline=None)
@given(
    side=st.integers(8, 40),
    crop=st.integers(1, 40),
    degrees=st.lists(st.floats(0, 90, width=32), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
)
def test_rotated_crops_are_those_of_torchvision(
    side: int, crop: int, degrees: list[float], seed: int
) -> None:
    crop = min(crop, side)
    pixels = random_images(len(degrees), side, seed)
    corners = torch.randint(0, side - crop + 1, (len(degrees), 2))
    found = rotated_crops(pixels, crop, torch.tensor(degrees), corners)
    assert found.shape == (len(degrees), 3, crop, crop)
    for image, angle, (top, left), crops in zip(
        pixels, degrees, corners.tolist(), found, strict=True
    ):
        rotated = functional.rotate(
            image.permute(2, 0, 1).float(), angle, InterpolationMode.BILINEAR
        )
        expected = rotated[:, top : top + crop, left : left + crop] / 255
        assert torch.allclose(crops, expected, atol=2e-3)


def test_without_rotation_a_crop_has_the_pixels_of_the_image() -> None:
    pixels = random_images(2, SIDE, 0)
    corners = torch.tensor([[0, 6], [3, 1]])
    found = rotated_crops(pixels, CROP, torch.zeros(2), corners)
    for image, (top, left), crop in zip(pixels, corners.tolist(), found, strict=True):
        expected = image[top : top + CROP, left : left + CROP].permute(2, 0, 1) / 255
        assert torch.allclose(crop, expected, atol=1e-4)


def test_positive_angles_are_counter_clockwise() -> None:
    # Brightness increases to the right; after a quarter turn, it increases upwards.
    row = torch.linspace(20, 235, SIDE).to(torch.uint8)
    pixels = row[None, None, :, None].expand(1, SIDE, SIDE, 3)
    turned_image = rotated_crops(pixels, SIDE, torch.tensor([90.0]), torch.zeros((1, 2)).long())
    middle = turned_image[0, 0, 8:-8, 8:-8]
    assert (middle[:-1] - middle[1:] > 0).float().mean() > 0.9


@pytest.mark.parametrize("view", range(VIEWS))
def test_turned_crops_are_views_of_the_crop(view: int) -> None:
    pixels = random_images(3, SIDE, view)
    corners = torch.tensor([[0, 0], [6, 6], [2, 5]])
    found = turned_crops(pixels, CROP, torch.full((3,), view), corners)
    for image, (top, left), crop in zip(pixels, corners.tolist(), found, strict=True):
        part = image[top : top + CROP, left : left + CROP].permute(2, 0, 1).float() / 255
        assert torch.equal(crop, turned(part, view))


def test_images_are_resized_as_in_the_paper() -> None:
    assert resized_size(256) == 278
