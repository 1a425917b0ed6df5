"""Small datasets of captions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence

MakeDataset = Callable[..., Dataset]


@pytest.fixture(scope="session")
def make_dataset() -> MakeDataset:
    """A function that makes a dataset of the captions of each image."""

    def make(captions: list[list[str]], *, category: str = "a") -> Dataset:
        return Dataset(
            "test",
            tuple(
                ImageRecord(
                    f"{category}_{n}.tif",
                    tuple(Sentence(raw) for raw in row),
                    split="train",
                    category=category,
                )
                for n, row in enumerate(captions)
            ),
            Path("memory"),
            "rsitmd",
        )

    return make
