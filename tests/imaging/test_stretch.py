"""The stretch of values to 8 bits, against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.options import ValueRange
from rsitmd_tools.imaging.stretch import percentile_range, to_bytes
from rsitmd_tools.imaging.windows import block_windows

KINDS = st.sampled_from(["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"])


@given(
    KINDS.flatmap(lambda kind: arrays.arrays(kind, st.integers(1, 200))),
    st.tuples(st.floats(0, 49), st.floats(51, 100)),
    st.integers(1, 5),
)
@settings(max_examples=300, deadline=None)
def test_percentiles_of_blocks_are_those_of_numpy(
    values: npt.NDArray[Any], percentiles: tuple[float, float], parts: int
) -> None:
    finite = values[np.isfinite(values.astype(np.float64))]
    blocks = np.array_split(values, parts)
    if not finite.size:
        with pytest.raises(UnusableImageError, match="no finite value"):
            percentile_range(blocks, percentiles)
        return
    if finite.dtype.kind in "iu":
        finite = finite.astype(np.float64)  # of int8, NumPy subtracts in eight bits
    with np.errstate(all="ignore"):
        expected = np.percentile(finite, percentiles)
    if not np.isfinite(expected).all():
        return
    found = percentile_range(blocks, percentiles)
    assert found == pytest.approx(tuple(expected), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2"])
@pytest.mark.parametrize("limits", [(0, 100), (-50.5, 70.25), (7, 7), (10, 10.5)])
def test_the_table_gives_what_is_computed(kind: str, limits: tuple[float, float]) -> None:
    bounds = np.iinfo(kind)
    values = np.random.default_rng(2).integers(bounds.min, bounds.max + 1, 100_000).astype(kind)
    low, high = limits
    expected = np.clip((values.astype(float) - low) / (high - low or 1), 0, 1) * 255
    found = to_bytes(values, ValueRange(low, high))
    assert (found == expected.round()).all()
    assert (found[:1000] == to_bytes(values[:1000], ValueRange(low, high))).all()


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 700), st.integers(1, 700))
@settings(max_examples=100, deadline=None)
def test_windows_cover_a_raster_once(width: int, height: int, wide: int, high: int) -> None:
    windows = list(block_windows((width, height), (wide, high)))
    assert sum(w * h for _, _, w, h in windows) == width * height
    assert len({(x, y) for x, y, _, _ in windows}) == len(windows)
    assert all(x + w <= width and y + h <= height for x, y, w, h in windows)


@pytest.mark.parametrize(
    ("size", "block"),
    [((20_000, 20_000), (512, 512)), ((20_000, 20_000), (20_000, 1)), ((9000, 60_000), (256, 256))],
)
def test_a_sample_is_small_and_spread(size: tuple[int, int], block: tuple[int, int]) -> None:
    most = 16_000_000
    windows = list(block_windows(size, block, most))
    pixels = sum(w * h for _, _, w, h in windows)
    assert most / 2 < pixels < most * 2
    assert max(w * h for _, _, w, h in windows) <= 4_000_000
    for axis in (0, 1):
        if block[axis] < size[axis]:
            quarters = {window[axis] * 4 // size[axis] for window in windows}
            assert quarters == {0, 1, 2, 3}
