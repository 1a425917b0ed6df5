"""Pictures of furrows: two fields are distinguished, and the copies of one are found."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter

from rsitmd_tools.imaging.pairs import (
    DETAIL,
    NEAR,
    Fingerprint,
    image_pairs,
)
from rsitmd_tools.imaging.registration import Grey, Registration, register
from rsitmd_tools.imaging.same_picture import (
    MIN_SIMILARITY,
    MIN_SPECTRUM_CORRELATION,
    picture_similarity,
    spectrum_correlation,
)
from tests.imaging.changes import fingerprints
from tests.pictures import cropped, jpeg

AS_IT_IS = Registration(1.0, 1.0, (0.0, 0.0))
# Looked at one by one: different fields, whose correlation is at least 0.8. The second image is
# turned by 180 degrees if the third value says so.
FIELDS = [(84, 86, True), (85, 86, False), (68, 73, False), (9, 15, False), (66, 77, False)]
CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG quality 60": lambda image: jpeg(image, 60),
    "brightness": lambda image: ImageEnhance.Brightness(image).enhance(1.25),
    "contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.7),
    "crop of 5 %": lambda image: cropped(image, 0.05),
}


def field(seed: int, period: float = 12.0) -> Image.Image:
    """Return furrows of one period, with other spots and stripes for each seed."""
    rng = np.random.default_rng(seed)
    spots = Image.fromarray(rng.integers(0, 256, (64, 64), dtype=np.uint8))
    fine = np.asarray(spots.resize((256, 256), Image.Resampling.BICUBIC), np.float64)
    across = np.sin(2 * np.pi * np.arange(256) / period)
    return Image.fromarray((120 + 40 * across + 0.1 * (fine - 128)).astype(np.uint8)).convert("RGB")


def detail(image: Image.Image) -> Grey:
    return np.asarray(image.convert("L").resize((DETAIL, DETAIL), Image.Resampling.BOX))


def is_one_picture(one: Grey, other: Grey, zoom: float = 1.0) -> bool:
    around = Registration(1.0, zoom, (0.0, 0.0))
    return picture_similarity(one, other, around) >= MIN_SIMILARITY


def test_two_drawn_fields_with_furrows_of_one_width_are_distinguished() -> None:
    fields = [detail(field(seed)) for seed in range(4)]
    for one, other in pairwise(fields):
        assert register(one, other, AS_IT_IS).similarity > 0.8, "the furrows must fit for this test"
        assert picture_similarity(one, other, AS_IT_IS) == 0.0


@pytest.mark.parametrize("name", CHANGES)
def test_a_copy_of_a_drawn_field_is_found(name: str) -> None:
    zoom = 1 / 1.05 if "crop" in name else 1.0
    for seed in range(4):
        assert is_one_picture(detail(field(seed)), detail(CHANGES[name](field(seed))), zoom)


def test_fields_of_equal_hashes_are_no_duplicates(tmp_path: Path) -> None:
    images = [field(1), field(2), jpeg(field(1), 60), field(3)]
    made = fingerprints(tmp_path, images)
    same = [Fingerprint(entry.path, entry.thumbnail, made[0].hashes) for entry in made]
    assert [(p.first, p.second, p.kind) for p in image_pairs(same)] == [(0, 2, NEAR)]


@given(st.integers(0, 2**32 - 1), st.integers(0, 30), st.sampled_from([16, 33, DETAIL]))
@settings(max_examples=30)
def test_unrelated_noise_does_not_agree_and_an_image_agrees_with_itself(
    seed: int, blur: int, side: int
) -> None:
    rng = np.random.default_rng(seed)
    noise = [Image.fromarray(rng.integers(0, 256, (side, side), dtype=np.uint8)) for _ in "ab"]
    one, other = (np.asarray(n.filter(ImageFilter.GaussianBlur(blur / 10))) for n in noise)
    assert spectrum_correlation(one, one, 1.0) == pytest.approx(1, abs=1e-3)
    value = spectrum_correlation(one, other, 1.0)
    assert -1 <= value <= 1
    assert spectrum_correlation(other, one, 1.0) == pytest.approx(value, abs=1e-3)
    if side == DETAIL:
        assert value < MIN_SPECTRUM_CORRELATION


@pytest.mark.parametrize("side", [16, 128])
def test_images_of_one_colour_agree_in_nothing(side: int) -> None:
    plain = np.full((side, side), 90, np.uint8)
    assert spectrum_correlation(plain, plain + np.uint8(9), 1.0) == pytest.approx(0, abs=1e-3)


def real(shared_data: Path, number: int) -> Image.Image:
    return Image.open(shared_data / "ucm_full" / "images" / f"{number}.jpg").convert("RGB")


@pytest.mark.parametrize(("first", "second", "turned"), FIELDS)
def test_two_real_fields_are_distinguished(
    first: int, second: int, turned: bool, shared_data: Path
) -> None:
    one, other = (detail(real(shared_data, number)) for number in (first, second))
    one = one[::-1, ::-1] if turned else one
    assert register(one, other, AS_IT_IS).similarity >= 0.8
    assert not is_one_picture(one, other)


@pytest.mark.parametrize("name", CHANGES)
def test_copies_of_real_fields_are_found(name: str, shared_data: Path, tmp_path: Path) -> None:
    numbers = [first for first, _, _ in FIELDS]
    originals = [real(shared_data, number) for number in numbers]
    images = [*originals, *map(CHANGES[name], originals)]
    found = [(p.first, p.second) for p in image_pairs(fingerprints(tmp_path, images), workers=1)]
    assert found == [(k, k + len(numbers)) for k in range(len(numbers))]
