"""Perceptual hashes against imagehash, in all orientations."""

from __future__ import annotations

from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image

from rsitmd_tools.imaging.perceptual import (
    BLOCK,
    DIGITS,
    ORIENTATIONS,
    SIDE,
    grey_thumbnail,
    perceptual_hashes,
)


def expected(thumbnail: bytes) -> str:
    """Return the hashes by eight calls of imagehash."""
    small = Image.frombytes("L", (SIDE, SIDE), thumbnail)
    turned = (small if turn is None else small.transpose(turn) for turn in ORIENTATIONS)
    return "".join(str(imagehash.phash(variant)) for variant in turned)


def test_hashes_are_those_of_imagehash() -> None:
    draw = np.random.default_rng(0)
    thumbnails = [draw.integers(0, 256, (SIDE, SIDE), np.uint8).tobytes() for _ in range(BLOCK + 9)]
    assert perceptual_hashes(thumbnails) == [expected(thumbnail) for thumbnail in thumbnails]


def test_an_image_is_hashed_as_imagehash_does() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (97, 130, 3), np.uint8)
    image = Image.fromarray(pixels)
    [hashes] = perceptual_hashes([grey_thumbnail(image)])
    assert hashes[:DIGITS] == str(imagehash.phash(image))


def test_hashes_of_real_images_are_those_of_imagehash(shared_data: Path) -> None:
    files = sorted((shared_data / "ucm_full" / "images").iterdir())[::20]
    thumbnails = []
    for file in files:
        with Image.open(file) as image:
            thumbnails.append(grey_thumbnail(image))
    assert perceptual_hashes(thumbnails) == [expected(thumbnail) for thumbnail in thumbnails]


@pytest.mark.parametrize("turn", ORIENTATIONS[1:])
def test_a_turned_image_has_the_same_hashes_in_another_order(turn: Image.Transpose) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (SIDE, SIDE), np.uint8)
    image = Image.fromarray(pixels)
    pair = perceptual_hashes([image.tobytes(), image.transpose(turn).tobytes()])
    one, other = ({text[at : at + DIGITS] for at in range(0, 128, DIGITS)} for text in pair)
    assert one == other
