"""The mean of the prior: the same bits in blocks, and a sample of the rows of a large dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.quality import dataset_statistics
from rsitmd_tools.quality.output.statistics import render
from rsitmd_tools.schemas import first_error, load_schema
from rsitmd_tools.similarity import Prior, average, compute_prior
from rsitmd_tools.similarity import rows as blocks
from rsitmd_tools.similarity.average import average_similarity
from tests.quality.conftest import dataset, record


@pytest.fixture
def ports() -> Dataset:
    """41 images, the last one without captions."""
    words = ["ship", "pier", "boat", "quay", "crane", "field", "road", "tree", "house", "lake"]
    texts = [[f"{words[n % 10]} and {words[k * n % 10]} {k}." for k in range(5)] for n in range(40)]
    images = (record(f"a_{n}.tif", text) for n, text in enumerate(texts))
    return dataset(*images, record("b.tif", []))


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_the_mean_of_blocks_has_the_bits_of_the_mean_of_all(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(average, "BLOCK", 8192)
    values = np.random.default_rng(rows).random((rows, 20_001))
    expected = float(values.astype(np.float32).mean(dtype=np.float64))
    prior = Prior(values, Path("test.npy"), {})
    assert average_similarity(dataset(), prior).mean == expected
    blank = np.vstack([values, np.full((1, 20_001), np.nan)])
    assert average_similarity(dataset(), Prior(blank, Path("test.npy"), {})).mean == expected


@pytest.mark.parametrize("rows", [1, 3, 7])
def test_the_mean_without_the_whole_prior_has_the_same_bits(
    ports: Dataset, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = compute_prior(ports, dtype="float32")
    expected = float(whole[~np.isnan(whole[:, 0])].ravel().mean(dtype=np.float64))
    monkeypatch.setattr(average, "BLOCK", 4096)
    monkeypatch.setattr(blocks, "MOST_ROWS", rows)
    assert average_similarity(ports) == (expected, None)
    assert average_similarity(ports, Prior(whole, Path("test.npy"), {})) == (expected, None)


def test_the_rows_of_a_sample_are_those_of_the_whole_prior(
    ports: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = compute_prior(ports, dtype="float32")
    monkeypatch.setattr(average, "MOST_PAIRS", 7 * 200 + 199)
    mean, images = average_similarity(ports)
    assert images == 7
    drawn = average._sample(41, 7)
    assert len(set(drawn)) == 7 and drawn == sorted(drawn)
    rows = whole[drawn]
    assert mean == pytest.approx(rows[~np.isnan(rows[:, 0])].mean(dtype=np.float64), abs=1e-9)
    # The prior that is at hand is averaged whole, and no sample is drawn beyond its size.
    assert average_similarity(ports, Prior(whole, Path("test.npy"), {})).averaged_images is None
    monkeypatch.setattr(average, "MOST_PAIRS", 41 * 200)
    assert average_similarity(ports).averaged_images is None


def test_a_sample_estimates_the_mean(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rsitmd_tools.formats import load_dataset

    data = load_dataset(shared_data / "rsitmd_precomp").select("test")
    whole = average_similarity(data).mean
    monkeypatch.setattr(average, "MOST_PAIRS", 100 * len(data.captions()))
    mean, images = average_similarity(data)
    assert images == 100 and whole is not None
    assert mean == pytest.approx(whole, rel=0.1)


def test_statistics_state_the_sample(ports: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "averaged_images" not in dataset_statistics(ports)
    monkeypatch.setattr(average, "MOST_PAIRS", 5 * 200)
    found = dataset_statistics(ports)
    assert found["averaged_images"] == 5
    assert first_error(found, load_schema("statistics")) is None
    for output_format in ("text", "markdown", "latex"):
        text = render([found], output_format)
        assert "all: average similarity of a sample of 5 images\n" in text
