"""How near two splits come to each other."""

from __future__ import annotations

import pytest
from shapely import box

from rsitmd_tools.quality.split_numbers import (
    described,
    ground_distance,
    overlapping,
    shared_captions,
    shared_scenes,
)
from tests.quality.conftest import dataset, record

A, B, C = (record(name) for name in ("a_1.tif", "b_2.tif", "c_3.tif"))
LARGE, SMALL = box(0, 0, 10, 10), box(9, 9, 9.1, 9.1)


def test_a_small_image_within_a_large_one_overlaps_it() -> None:
    """The common part is a ten-thousandth of the large one, and all of the small one."""
    footprints = {A.filename: SMALL, B.filename: LARGE}
    assert list(overlapping([A, B, C], footprints)) == [(A, B)]
    assert list(overlapping([B, A], footprints)) == [(B, A)], "the earlier image is the first"


def test_neighbours_do_not_overlap() -> None:
    rounded = box(9.9999, 0, 20, 10)  # a hundred-thousandth in common
    assert list(overlapping([A, B], {A.filename: LARGE, B.filename: rounded})) == []
    assert list(overlapping([A, B], {A.filename: LARGE, B.filename: box(9.9, 0, 20, 10)}))


def test_the_distance_is_in_metres_to_one_decimal() -> None:
    footprints = {A.filename: box(0, 0, 1, 1), B.filename: box(0, 1.001, 1, 2)}
    # A thousandth of a degree of latitude is 110.57 m here.
    assert ground_distance([A, C], [B], footprints) == pytest.approx(110.6, abs=1e-9)
    assert ground_distance([A], [A], footprints) == 0.0
    assert ground_distance([A], [C], footprints) is None


def test_shared_scenes_and_captions_are_counted_once() -> None:
    scenes = {A.filename: "one", B.filename: "one"}
    assert shared_scenes([A, C], [B, C], scenes) == 1, "an image without a scene shares none"
    first = dataset(record("a_1.tif", ["Two boats.", "two  Boats.", ""]))
    second = dataset(record("b_2.tif", ["TWO BOATS.", "", "A pier."]))
    assert shared_captions(first, second) == 1


@pytest.mark.parametrize(
    ("distance", "expected"), [(None, ""), (12.34, ", 12.3 m between the nearest footprints")]
)
def test_the_numbers_as_text(distance: float | None, expected: str) -> None:
    numbers = {"splits": ("train", "test"), "shared_scenes": 1, "shared_captions": 3}
    text = described({**numbers, "ground_distance": distance})
    assert text == f"train and test: 1 shared scene{expected}, 3 shared sentences"
