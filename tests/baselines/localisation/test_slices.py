"""The slices: every place is covered by both grids' sizes, nothing reaches over an edge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.baselines.localisation.slices import (
    Slice,
    fitting_scales,
    parse_scales,
    slices_of,
)
from rsitmd_tools.errors import RsitmdError, WrongUsage


def test_a_scene_of_two_cells() -> None:
    found = {(one.x, one.y) for one in slices_of(256, 128, [128])}
    # The grid, then the grid shifted by 64; what reaches over an edge ends at the edge.
    assert found == {(0, 0), (128, 0), (64, 0)}


def test_three_scales_as_the_method_says() -> None:
    found = slices_of(1024, 1024, [128, 256, 512])
    counts = {size: sum(one.size == size for one in found) for size in (128, 256, 512)}
    # n x n on the grid and n x n shifted, whose last corner is that of the grid.
    assert counts == {128: 127, 256: 31, 512: 7}
    assert Slice(64, 192, 128) in found
    assert Slice(64, 0, 128) not in found


@given(
    width=st.integers(20, 200),
    height=st.integers(20, 200),
    sizes=st.sets(st.integers(16, 20), min_size=1, max_size=2),
)
def test_each_scale_covers_the_scene_and_stays_inside(
    width: int, height: int, sizes: set[int]
) -> None:
    found = slices_of(width, height, sorted(sizes))
    assert len(found) == len(set(found))
    for size in sizes:
        covered = np.zeros((height, width), np.bool_)
        for one in found:
            if one.size == size:
                assert 0 <= one.x <= width - size
                assert 0 <= one.y <= height - size
                covered[one.y : one.y + size, one.x : one.x + size] = True
        assert covered.all()
    ends = [one.y + one.size for one in found]
    assert ends == sorted(ends)


def test_scales_of_a_text() -> None:
    assert parse_scales("256, 128,256") == (128, 256)
    for text in ("", "128,", "a", "15", "4097", "-128", "1.5", "99999999999"):
        with pytest.raises(WrongUsage, match="--scales"):
            parse_scales(text)


def test_scales_that_do_not_fit() -> None:
    assert fitting_scales(300, 200, (128, 256), "a.tif") == (128,)
    message = "a.tif: is 100 x 90 pixels, smaller than a slice of 128 pixels; .*--scales 45"
    with pytest.raises(RsitmdError, match=message):
        fitting_scales(100, 90, (128, 256), "a.tif")
    with pytest.raises(RsitmdError, match="use a scene of 16 pixels or more"):
        fitting_scales(10, 10, (16,), "a.tif")
