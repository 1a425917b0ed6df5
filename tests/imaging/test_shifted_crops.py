"""Crops of one photograph, found by the pixels of their overlap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rsitmd_tools.imaging import shifted_crops
from rsitmd_tools.imaging.shifted_crops import HEIGHT, Crop, Shift, best_shift, shifted_crop
from tests.pictures import ground, jpeg, lawn

SCENE = np.asarray(ground(1).resize((400, 400)))
Grey = npt.NDArray[np.uint8]


def crop(x: int, y: int, width: int = HEIGHT, scene: Grey = SCENE) -> Grey:
    return scene[y : y + HEIGHT, x : x + width]


def compared(first: Grey, second: Grey) -> Shift | None:
    return shifted_crop(Crop(first), Crop(second))


@settings(max_examples=60, deadline=None)
@given(x=st.integers(-110, 110), y=st.integers(-110, 110))
def test_any_shift_with_enough_overlap_is_found(x: int, y: int) -> None:
    overlap = (HEIGHT - abs(x)) * (HEIGHT - abs(y)) / HEIGHT**2
    found = compared(crop(130, 130), crop(130 - x, 130 - y))
    assert (found is not None) or not 0.15 < overlap < 0.5
    assert found is None or 0.05 < overlap <= 0.5
    if found is not None:
        # Where the overlap is just too small, a shift next to it is found.
        reach = 0 if overlap > 0.1 else 2
        assert max(abs(found.x - x), abs(found.y - y)) <= reach


def test_the_shift_back_is_the_opposite() -> None:
    there, back = compared(crop(10, 40), crop(70, 90)), compared(crop(70, 90), crop(10, 40))
    assert there is not None and back is not None
    assert (there.x, there.y) == (-60, -50) == (-back.x, -back.y)
    assert there.correlation == pytest.approx(back.correlation, abs=1e-5)


@pytest.mark.parametrize("widths", [(128, 200), (200, 128), (90, 300), (300, 90)])
def test_images_of_other_widths_are_compared(widths: tuple[int, int]) -> None:
    found = compared(crop(60, 20, widths[0]), crop(90, 90, widths[1]))
    assert found is not None and (found.x, found.y) == (-30, -70)
    left, right = max(60, 90), min(60 + widths[0], 90 + widths[1])
    expected = (right - left) * (HEIGHT - 70) / (min(widths) * HEIGHT)
    assert abs(found.overlap - expected) < 1e-9


@pytest.mark.parametrize("size", [(24, 24, 24, 24), (20, 13, 20, 31), (16, 1, 16, 5)])
def test_every_correlation_is_that_of_a_loop(size: tuple[int, int, int, int]) -> None:
    """The oracle cuts the overlap out at every shift; the Fourier transform is not used."""
    rng = np.random.default_rng(0)
    one = Crop(rng.integers(0, 256, size[:2], dtype=np.uint8)).fine
    other = Crop(rng.integers(0, 256, size[2:], dtype=np.uint8)).fine
    correlations = []
    for y in range(-size[0] + 1, size[2]):
        for x in range(-size[1] + 1, size[3]):
            rows = slice(max(0, -y), min(size[0], size[2] - y))
            columns = slice(max(0, -x), min(size[1], size[3] - x))
            a = one.values[rows, columns].astype(np.float64)
            b = other.values[rows.start + y :, columns.start + x :][: a.shape[0], : a.shape[1]]
            if a.size < shifted_crops.MIN_OVERLAP * min(size[0] * size[1], size[2] * size[3]):
                continue
            floor = shifted_crops.MIN_CONTRAST * a.size
            energy = max(np.square(a).sum(), floor) * max(np.square(b).sum(dtype=float), floor)
            correlations.append((float((a * b).sum() / np.sqrt(energy)), x, y))
    best = max(correlations)
    found = best_shift(one, other)
    assert (found.x, found.y) == best[1:]
    assert found.correlation == pytest.approx(best[0], abs=1e-5)
    away = [
        c
        for c, x, y in correlations
        if max(abs(x - found.x), abs(y - found.y)) > shifted_crops.PEAK
    ]
    assert found.second == pytest.approx(max(away, default=-1.0), abs=1e-5)


def test_a_crop_that_was_compressed_again_is_found() -> None:
    image = Image.fromarray(crop(100, 100)).convert("RGB")
    found = compared(crop(30, 80), np.asarray(jpeg(image, 60).convert("L")))
    assert found is not None and (found.x, found.y) == (-70, -20)


def test_other_ground_is_not_found() -> None:
    others = [np.asarray(ground(seed).resize((400, 400))) for seed in range(2, 12)]
    assert [compared(crop(0, 0), crop(0, 0, scene=scene)) for scene in others] == [None] * 10


def test_repeated_patterns_are_not_found() -> None:
    """Furrows fit at many shifts, so they prove nothing."""
    rng = np.random.default_rng(0)
    rows = np.tile(np.repeat([60, 160], 4), 60)[:400, None]
    fields = [(rows + rng.normal(0, 4, (400, 400))).clip(0, 255).astype(np.uint8) for _ in "ab"]
    found = best_shift(
        Crop(crop(0, 0, scene=fields[0])).fine, Crop(crop(0, 0, scene=fields[1])).fine
    )
    assert found.correlation > shifted_crops.MIN_CORRELATION, "they must fit for this test"
    assert compared(crop(0, 0, scene=fields[0]), crop(0, 0, scene=fields[1])) is None


def test_plain_ground_is_not_found() -> None:
    """If all texture is the noise of a sensor, even a true strip proves nothing."""
    plain = np.full((HEIGHT, HEIGHT), 90, np.uint8)
    assert compared(plain, plain) is None
    noise = np.random.default_rng(0).normal(90, 0.4, (400, 400)).round().astype(np.uint8)
    assert compared(crop(0, 0, scene=noise), crop(60, 60, scene=noise)) is None
    textured = lawn(400, 400)
    assert compared(crop(0, 0, scene=textured), crop(60, 60, scene=textured)) is not None


def test_plain_ground_beside_noise_has_finite_values() -> None:
    """Sums are rounded, so the mean square of plain ground can be a little below 0."""
    for seed in range(50):
        rng = np.random.default_rng(seed)
        image = np.full((HEIGHT, HEIGHT), 90, np.uint8)
        rows = rng.integers(10, 100)
        image[:rows] = rng.integers(0, 256, (rows, HEIGHT))
        for resolution in (Crop(image).fine, Crop(image).coarse):
            assert np.isfinite(resolution.values).all()


def noisy(seed: int, noise: float = 1.0) -> Grey:
    values = np.random.default_rng(seed).normal(100, noise, (HEIGHT, HEIGHT))
    return values.round().astype(np.uint8)


@pytest.mark.parametrize("apart", [20, 50])
@pytest.mark.parametrize("seed", range(4))
def test_two_objects_of_one_kind_on_plain_ground_are_not_one_place(seed: int, apart: int) -> None:
    """Two tanks with their shadows: all structure of the overlap is equal, but it has little."""
    images = []
    for number in (0, 1):
        image = noisy(10 * seed + number)
        x = 10 + apart * number
        image[40:74, x : x + 34] = 200
        image[74:84, x + 8 : x + 42] = 20
        images.append(image)
    found = best_shift(Crop(images[0]).fine, Crop(images[1]).fine)
    assert found.correlation > shifted_crops.MIN_CORRELATION, "they must fit for this test"
    assert found.second <= shifted_crops.MAX_SECOND * found.correlation
    assert compared(*images) is None


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["lawn", "noise"])
def test_equal_frames_of_nodata_are_not_one_place(seed: int, kind: str) -> None:
    images = []
    for number in (2 * seed, 2 * seed + 1):
        inner = noisy(number) if kind == "noise" else lawn(HEIGHT, HEIGHT, number)
        images.append(np.pad(inner[6:-6, 6:-6], 6))
    found = best_shift(Crop(images[0]).fine, Crop(images[1]).fine)
    assert found.correlation > shifted_crops.MIN_CORRELATION, "they must fit for this test"
    assert compared(*images) is None


def test_narrow_images_are_compared() -> None:
    assert compared(crop(0, 0, 1), crop(40, 0)) is None
    assert compared(crop(0, 0, 1), crop(0, 0, 1)) is None, "a column proves nothing"
    found = compared(crop(0, 0, 40), crop(0, 70, 40))
    assert found is not None and (found.x, found.y) == (0, -70)


def test_very_wide_images_are_not_compared() -> None:
    wide = np.hstack([np.asarray(ground(seed)) for seed in range(3)])
    one, other = wide[:HEIGHT], wide[70 : 70 + HEIGHT]
    widest = shifted_crops.MAX_WIDTH
    assert compared(one[:, :widest], other[:, :widest]) is not None
    assert compared(one, other) is None
