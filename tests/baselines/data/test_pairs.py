"""The draws of an epoch."""

from __future__ import annotations

import numpy as np
import pytest

from rsitmd_tools.baselines.data.pairs import Pairs, Plan
from rsitmd_tools.dataset import Dataset


def test_an_epoch_is_a_function_of_seed_and_number(tiny: Dataset) -> None:
    owners = np.array(tiny.caption_owners())
    for captions, count in (("one", len(tiny)), ("all", len(owners))):
        pairs = Pairs(tiny, captions, 8, seed=3)
        assert len(pairs) == count
        one, same, other = pairs.plan(4), Pairs(tiny, captions, 8, 3).plan(4), pairs.plan(5)
        for name in ("images", "columns", "views", "degrees", "shifts"):
            assert np.array_equal(getattr(one, name), getattr(same, name))
        assert not np.array_equal(one.columns, other.columns)
        assert np.array_equal(owners[one.columns], one.images)
        assert len(set(one.columns.tolist())) == count
        assert set(one.images.tolist()) == set(range(len(tiny)))


@pytest.mark.parametrize("room", [0, 1, 22])
def test_crops_are_anywhere_in_the_image(room: int) -> None:
    shifts = np.random.default_rng(0).random((2000, 2))
    shifts[0] = np.nextafter(1, 0)
    unused = np.zeros(len(shifts), np.int64)
    corners = Plan(unused, unused, unused, unused.astype(np.float32), shifts).corners(room)
    assert set(corners[:, 0].tolist()) == set(corners[:, 1].tolist()) == set(range(room + 1))
