"""The bootstrap: over images, seeded, and of the width that theory says."""

from __future__ import annotations

import numpy as np
import pytest

from rsitmd_tools.baselines.evaluation import intervals
from rsitmd_tools.baselines.evaluation.intervals import bootstrap


def test_the_seed_decides() -> None:
    random = np.random.default_rng(0)
    owners = np.repeat(np.arange(30), 5)
    image, text = random.integers(0, 2, (30, 3)), random.integers(0, 2, (150, 3))
    one = bootstrap(image.astype(float), text.astype(float), owners, seed=1)
    assert np.array_equal(one, bootstrap(image.astype(float), text.astype(float), owners, seed=1))
    assert not np.array_equal(
        one, bootstrap(image.astype(float), text.astype(float), owners, seed=2)
    )
    assert one.shape == (7, 2)
    assert (one[:, 0] <= one[:, 1]).all()


def test_its_width_is_that_of_the_normal_approximation() -> None:
    hits = (np.arange(400) % 4 == 0).astype(float)[:, None]
    found = bootstrap(hits, hits, np.arange(400), seed=0, resamples=4000)
    half = 196 * np.sqrt(0.25 * 0.75 / 400)
    assert found[0] == pytest.approx([25 - half, 25 + half], abs=0.5)


def test_texts_of_one_image_are_drawn_together() -> None:
    """All five texts of an image alike: the width is that of images, not of texts."""
    of_image = (np.arange(100) % 2).astype(float)[:, None]
    found = bootstrap(of_image, np.repeat(of_image, 5, 0), np.repeat(np.arange(100), 5), seed=0)
    assert found[1] == pytest.approx(found[0])


def test_resampling_in_parts_gives_the_same_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    hits = np.random.default_rng(0).random((20, 3))
    whole = bootstrap(hits, hits, np.arange(20), seed=0)
    monkeypatch.setattr(intervals, "DRAWN_AT_ONCE", 60)
    assert bootstrap(hits, hits, np.arange(20), seed=0) == pytest.approx(whole)
