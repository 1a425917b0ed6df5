"""Folds of a dataset: stratified, and groups are not parted."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.dataset import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.splitting.dataset_folds import dataset_folds


def dataset(count: int, categories: int = 2) -> Dataset:
    images = tuple(
        ImageRecord(f"{'abc'[n % categories]}_{n}.png", (), category="abc"[n % categories])
        for n in range(count)
    )
    return Dataset("D", images, Path(), "rsitmd")


def test_each_category_is_in_each_fold() -> None:
    data = dataset(60)
    folds, groups = dataset_folds(data, 5, 0, ())
    assert len(set(groups.values())) == 60
    found = Counter((folds[image.filename], image.category) for image in data)
    assert set(found.values()) == {6}


@given(
    st.integers(2, 4),
    st.integers(0, 9),
    st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=15),
)
def test_groups_are_in_one_fold(count: int, seed: int, links: list[tuple[int, int]]) -> None:
    data = dataset(40)
    names = [image.filename for image in data]
    pairs = [(names[a], names[b]) for a, b in links if a != b]
    folds, groups = dataset_folds(data, count, seed, pairs)
    assert folds.keys() == groups.keys() == set(names)
    assert all(folds[a] == folds[b] and groups[a] == groups[b] for a, b in pairs)
    assert set(folds.values()) == set(range(count))
    assert dataset_folds(data, count, seed, pairs) == (folds, groups)


def test_too_few_groups() -> None:
    data = dataset(4)
    names = [image.filename for image in data]
    with pytest.raises(RsitmdError, match="too few images for 2 folds: 4 images in 1 group"):
        dataset_folds(data, 2, 0, pairwise(names))
