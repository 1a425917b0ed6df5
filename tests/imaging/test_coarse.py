"""The registration of thumbnails against correlations of each overlap, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rsitmd_tools.imaging import coarse
from rsitmd_tools.imaging.coarse import ENDS, coarse_registrations
from rsitmd_tools.imaging.groups import components
from rsitmd_tools.imaging.pairs import (
    CENTRE,
    CENTRE_DISTANCE,
    DETAIL,
    DISTANCE,
    MIN_COARSE,
    Candidate,
    Fingerprint,
    fitting,
    image_pairs,
)
from rsitmd_tools.imaging.perceptual import (
    DIGITS,
    ORIENTATIONS,
    SIDE,
    grey_thumbnail,
    perceptual_hashes,
)
from rsitmd_tools.imaging.registration import REACH, SCALES, normalised, zoomed
from rsitmd_tools.imaging.same_picture import MIN_SIMILARITY, picture_similarity
from tests.imaging.changes import CHANGES, fingerprints
from tests.pictures import cropped, photo

Grey = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float64]


def drawn(seed: int, count: int, side: int = SIDE) -> Grey:
    """Return images that resemble each other, so that correlations are of all sizes."""
    rng = np.random.default_rng(seed)
    common = rng.integers(0, 256, (side, side))
    own = rng.integers(0, 256, (count, side, side))
    share = rng.random((count, 1, 1))
    return (share * common + (1 - share) * own).astype(np.uint8)


def variants(image: Grey, scales: Sequence[float]) -> list[Values]:
    values = image[None].astype(np.float32)
    return [
        normalised(values if scale == 1 else zoomed(values, scale))[0].astype(np.float64)
        for scale in scales
    ]


def best_of_all(first: Grey, second: Grey, scales: Sequence[float] = SCALES) -> float:
    """Return the largest correlation over all zooms and shifts, by the definition."""
    side = len(first)
    reach = int(REACH * side)
    one, other = variants(first, scales), variants(second, scales)
    compared = [(x, other[0]) for x in one] + [(one[0], y) for y in other[1:]]
    found = [0.0]
    for x, y in compared:
        for row in range(-reach, reach + 1):
            for column in range(-reach, reach + 1):
                a = x[max(0, row) : side + min(0, row), max(0, column) : side + min(0, column)]
                b = y[max(0, -row) : side + min(0, -row), max(0, -column) : side + min(0, -column)]
                if min(a.std(), b.std()) > 1e-3:
                    found.append(np.corrcoef(a.ravel(), b.ravel())[0, 1])
    return max(found)


@given(st.integers(0, 2**32 - 1), st.sampled_from([16, 20, SIDE]), st.sampled_from([SCALES, ENDS]))
@settings(deadline=None, max_examples=12)
def test_similarities_are_those_of_the_best_overlap(
    seed: int, side: int, scales: Sequence[float]
) -> None:
    images = drawn(seed, 4, side)
    images[3] = 90  # without texture
    chance = np.random.default_rng(seed)
    first, second = chance.integers(0, 4, (2, 6))
    how = chance.integers(0, len(ORIENTATIONS), 6)
    found = coarse_registrations(images, first, second, how, scales=scales)
    for i, j, k, fit in zip(first, second, how, found, strict=True):
        turn = ORIENTATIONS[k]
        image = Image.fromarray(images[i])
        turned = np.asarray(image if turn is None else image.transpose(turn))
        best = best_of_all(turned, images[j], scales)
        assert fit.similarity == pytest.approx(best, abs=1e-4)
        assert fit.zoom in scales or 1 / fit.zoom in scales


def test_pairs_that_fit_are_those_of_all_zooms() -> None:
    images = [photo(number) for number in range(12)]
    crops = [cropped(image, 0.01 * (number % 11)) for number, image in enumerate(images)]
    thumbnails = np.stack(
        [np.frombuffer(grey_thumbnail(image), np.uint8) for image in (*images, *crops)]
    ).reshape(-1, SIDE, SIDE)
    pairs = [Candidate(i, j, 0) for i, j in combinations(range(len(thumbnails)), 2)]
    first, second, how = np.array(pairs).T
    every = coarse_registrations(thumbnails, first, second, how)
    fit = [
        (pair, one) for pair, one in zip(pairs, every, strict=True) if one.similarity >= MIN_COARSE
    ]
    assert len(fit) >= len(images)
    assert list(fitting(thumbnails, pairs)) == fit


def test_pairs_in_many_parts_are_those_of_one_part(monkeypatch: pytest.MonkeyPatch) -> None:
    images = drawn(1, 40)
    first, second = np.triu_indices(len(images), 1)
    how = (first + second) % len(ORIENTATIONS)
    whole = coarse_registrations(images, first, second, how, 1)
    for name, size in {"FIRST": 7, "SECOND": 11, "PAIRS": 5}.items():
        monkeypatch.setattr(coarse, name, size)
    parts = coarse_registrations(images, first, second, how, 2)
    for one, other in zip(whole, parts, strict=True):
        assert one.similarity == pytest.approx(other.similarity, abs=1e-5)


def test_zoom_and_shift_are_found() -> None:
    image = Image.fromarray(drawn(2, 1, 256)[0]).resize((64, 64), Image.Resampling.BOX)
    large = image.resize((256, 256), Image.Resampling.BICUBIC)
    cut = large.crop((10, 10, 252, 252)).resize((256, 256), Image.Resampling.BICUBIC)
    small = np.stack(
        [np.asarray(i.resize((SIDE, SIDE), Image.Resampling.BOX)) for i in (large, cut)]
    )
    zero, one = np.zeros(1, np.intp), np.ones(1, np.intp)
    (there,) = coarse_registrations(small, zero, one, zero)
    (back,) = coarse_registrations(small, one, zero, zero)
    assert there.similarity > 0.5 and back.similarity > 0.5
    assert there.zoom * back.zoom == pytest.approx(1)
    assert there.zoom != 1


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=5)
def test_groups_are_those_of_all_pairs_verified_one_by_one(seed: int) -> None:
    chance = np.random.default_rng(seed)
    names = list(CHANGES)
    images = [photo(int(number)) for number in chance.integers(0, 3, 6)]
    images = [CHANGES[names[int(chance.integers(len(names)))]](image) for image in images]
    with TemporaryDirectory() as folder:
        prints = fingerprints(Path(folder), images)
        found = [(pair.first, pair.second) for pair in image_pairs(prints, workers=1)]
    links = [(i, j) for i, j in combinations(range(6), 2) if one_picture(prints, images, i, j)]
    assert components(6, found) == components(6, links)


def numbers(text: str) -> list[int]:
    return [int(text[k : k + DIGITS], 16) for k in range(0, 8 * DIGITS, DIGITS)]


def centre(image: Image.Image) -> list[int]:
    """Return the hashes of the centre of an image."""
    thumbnail = np.frombuffer(grey_thumbnail(image), np.uint8).reshape(1, SIDE, SIDE)
    large = np.rint(zoomed(thumbnail.astype(np.float32), CENTRE)).astype(np.uint8)
    return numbers(perceptual_hashes([large.tobytes()])[0])


def one_picture(
    prints: list[Fingerprint], images: list[Image.Image], first: int, second: int
) -> bool:
    """Return whether two images are near duplicates, by the definition."""
    hashes = [[numbers(prints[index].hashes), centre(images[index])] for index in (first, second)]
    for a, b, most in ((0, 0, DISTANCE), (1, 0, CENTRE_DISTANCE), (0, 1, CENTRE_DISTANCE)):
        distances = [(value ^ hashes[1][b][0]).bit_count() for value in hashes[0][a]]
        how = distances.index(min(distances))
        if distances[how] <= most:
            break
    else:
        return False
    turn = ORIENTATIONS[how]
    turned = images[first] if turn is None else images[first].transpose(turn)
    thumbnails = np.stack(
        [
            np.frombuffer(grey_thumbnail(image), np.uint8).reshape(SIDE, SIDE)
            for image in (turned, images[second])
        ]
    )
    if best_of_all(*thumbnails) < MIN_COARSE:
        return False
    zero, one = np.array([0]), np.array([1])
    (fit,) = coarse_registrations(thumbnails, zero, one, zero)
    size = (DETAIL, DETAIL)
    large, other = (
        np.asarray(image.convert("L").resize(size, Image.Resampling.BOX))
        for image in (turned, images[second])
    )
    return picture_similarity(large, other, fit) >= MIN_SIMILARITY


def test_no_pairs_have_no_registrations() -> None:
    none = np.zeros(0, np.intp)
    assert coarse_registrations(drawn(3, 2), none, none, none) == []
