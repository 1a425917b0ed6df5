"""Adjacent tiles: the grids give the pairs of a plain comparison, whatever the sizes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.dataset import ImageRecord
from rsitmd_tools.quality.footprints import _near, bounds_of, neighbours

SIDES = st.sampled_from([1.0, 3.0, 10.0, 25.0, 64.0, 1000.0])
PLACES = st.tuples(st.floats(-300, 300), st.floats(-300, 300), SIDES, SIDES)


def image(number: int, left: float, bottom: float, width: float, height: float) -> ImageRecord:
    box = [left, bottom, left + width, bottom + height]
    return ImageRecord(f"a_{number}.tif", extra={"bounds": box, "crs": "EPSG:32633"})


@given(st.lists(PLACES, max_size=25))
def test_the_pairs_are_those_of_a_plain_comparison(places: list[tuple[float, ...]]) -> None:
    images = [image(number, *place) for number, place in enumerate(places)]
    expected = set()
    for second, later in enumerate(images):
        for earlier in images[:second]:
            one, other = bounds_of(earlier), bounds_of(later)
            assert one is not None and other is not None
            if _near(one, other):
                expected.add((earlier.filename, later.filename))
    found = [(earlier.filename, later.filename) for earlier, later in neighbours(images)]
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_tiny_tiles_beside_a_huge_one() -> None:
    images = [image(1, 0, 0, 5e-12, 5e-12), image(2, 0, 0, 1e8, 1e8)]
    assert [(a.filename, b.filename) for a, b in neighbours(images)] == [("a_1.tif", "a_2.tif")]
