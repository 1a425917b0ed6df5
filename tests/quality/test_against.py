"""Comparison with other datasets: which images are tested."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.dataset import Dataset, ImageRecord
from rsitmd_tools.quality.against import uncompared


def test_the_splits_are_looked_at_once_and_not_for_each_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[Dataset] = []
    splits = Dataset.splits.fget
    monkeypatch.setattr(
        Dataset, "splits", property(lambda self: calls.append(self) or splits(self))
    )
    names = [("train", f"port_{n}.tif") for n in range(20)] + [("test", "port_20.tif")]
    images = tuple(ImageRecord(name, (), split=split) for split, name in names)
    [line] = uncompared(Dataset("own", images, Path("own"), "rsitmd"), [], [])
    assert line == "1 of 1 image of the checked dataset had no readable file to compare"
    assert len(calls) <= 2
