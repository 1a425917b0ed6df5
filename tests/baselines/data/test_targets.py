"""Negatives and priors of a batch, compared with loops over its pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsitmd_tools.baselines.data.targets import Targets
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence


class Numbers:
    """A prior that is the number of its row and column."""

    def at(self, images: Any, captions: Any) -> Any:
        return images[:, None] * 100.0 + captions[None]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["a", "A ", "b", "c", ""]), min_size=1, max_size=4),
        min_size=1,
        max_size=5,
    ),
    st.integers(0, 1000),
)
def test_negatives_are_those_of_a_loop(sentences: list[list[str]], seed: int) -> None:
    images = [
        ImageRecord(f"{n}.png", tuple(Sentence(raw) for raw in own))
        for n, own in enumerate(sentences)
    ]
    training = Dataset("d", tuple(images), Path("d"), "rsitmd")
    captions, owners = training.captions(), training.caption_owners()
    columns = np.random.default_rng(seed).integers(len(captions), size=6)
    rows = np.array(owners)[columns]
    plain = Targets(training, False, None).negative(rows, columns)
    masked = Targets(training, True, None).negative(rows, columns)
    for i, image in enumerate(rows):
        own = {raw.strip().lower() for raw in sentences[image]}
        for j, column in enumerate(columns):
            other = owners[column] != image
            assert plain[i, j] == other
            assert masked[i, j] == (other and captions[column].strip().lower() not in own)


@pytest.mark.parametrize("prior", [None, Numbers()])
def test_priors_are_those_of_the_pairs(prior: Numbers | None) -> None:
    training = Dataset("d", (ImageRecord("1.png", (Sentence("a"),)),), Path("d"), "rsitmd")
    found = Targets(training, False, prior).prior(np.array([1, 4]), np.array([7, 2]))
    assert found.dtype == np.float32
    assert found.tolist() == ([] if prior is None else [[107, 102], [407, 402]])
