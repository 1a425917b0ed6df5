"""Slices of a stream are those of the whole scene; each row is read once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rsitmd_tools.baselines.localisation.scene_reader import read_slices
from rsitmd_tools.baselines.localisation.slices import slices_of
from rsitmd_tools.imaging.options import DEFAULTS
from rsitmd_tools.imaging.raster import Raster, open_raster


@pytest.mark.parametrize("start", [0, 17, 90])
def test_slices_are_those_of_the_whole_scene(make_scene: Callable[..., Path], start: int) -> None:
    path = make_scene(width=150, height=700)
    slices = slices_of(150, 700, (48, 100))[start:]
    with open_raster(path) as raster:
        whole, _ = raster.read_rgb()
        found = list(read_slices(raster, slices, 32, DEFAULTS, None))
    assert len(found) == len(slices)
    for one, pixels in zip(slices, found, strict=True):
        cut = Image.fromarray(whole[one.y : one.y + one.size, one.x : one.x + one.size])
        expected = cut.resize((32, 32), Image.Resampling.BICUBIC)
        assert pixels is not None
        assert np.array_equal(pixels, np.asarray(expected))


def test_each_row_is_read_once_and_few_are_kept(
    make_scene: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_scene(width=64, height=3000)
    rows: list[int] = []
    plain = Raster.read_rgb

    def counted(self: Raster, window: Any, *rest: Any) -> Any:
        rows.extend(range(window[1], window[1] + window[3]))
        assert window[3] <= 256
        return plain(self, window, *rest)

    monkeypatch.setattr(Raster, "read_rgb", counted)
    with open_raster(path) as raster:
        for _ in read_slices(raster, slices_of(64, 3000, (32, 64)), 16, DEFAULTS, None):
            pass
    assert rows == list(range(3000))


def test_slices_with_too_few_valid_pixels_are_left_out(make_scene: Callable[..., Path]) -> None:
    path = make_scene(width=200, height=100, hidden=(slice(0, 75), slice(None)))
    slices = slices_of(200, 100, (100,))
    with open_raster(path) as raster:
        found = [p is not None for p in read_slices(raster, slices, 16, DEFAULTS, None)]
        every = list(read_slices(raster, slices, 16, DEFAULTS, None, 0.0))
    assert dict(zip([one.x for one in slices], found, strict=True)) == {
        0: False,
        50: True,
        100: True,
    }
    assert all(pixels is not None for pixels in every)
