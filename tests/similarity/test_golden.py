"""Tokens and the reference definition against files computed with NLTK and the public script."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.similarity import compute_prior
from rsitmd_tools.text.tokens import tokenize


@pytest.fixture(scope="module")
def rsitmd(shared_data: Path) -> Dataset:
    return load_dataset(shared_data / "rsitmd_precomp")


def test_tokens_of_every_line(shared_data: Path, rsitmd: Dataset) -> None:
    ucm = load_dataset(shared_data / "ucm_precomp")
    lines = {
        "train": rsitmd.select("train").captions(),
        "test": rsitmd.select("test").captions(),
        "ucm-train": ucm.select("train").captions(),
    }
    count = 0
    with gzip.open(shared_data / "golden" / "tokens_rsitmd.jsonl.gz", "rt") as stream:
        for entry in map(json.loads, stream):
            assert tokenize(lines[entry["split"]][entry["line"]]) == entry["tokens"]
            count += 1
    assert count == 33165


def test_twenty_rows_of_the_test_matrix(shared_data: Path, rsitmd: Dataset) -> None:
    golden = np.load(shared_data / "golden" / "similarity_rsitmd_test_20x2260.npz")
    prior = compute_prior(rsitmd.select("test"))
    np.testing.assert_allclose(
        prior[golden["image_index"]], golden["similarity"], rtol=0, atol=1e-12, equal_nan=True
    )


def test_four_thousand_pairs_of_train(shared_data: Path, rsitmd: Dataset) -> None:
    golden = np.load(shared_data / "golden" / "similarity_rsitmd_train_4000pairs.npz")
    prior = compute_prior(rsitmd.select("train"))
    found = prior[golden["image_index"], golden["caption_index"]]
    np.testing.assert_array_equal(np.isnan(found), np.isnan(golden["similarity"]))
    np.testing.assert_allclose(found, golden["similarity"], rtol=0, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize(("name", "mean"), [("rsitmd_precomp", 0.0282), ("ucm_precomp", 0.0572)])
def test_the_mean_of_the_test_matrix(shared_data: Path, name: str, mean: float) -> None:
    prior = compute_prior(load_dataset(shared_data / name).select("test"))
    assert round(float(np.nanmean(prior)), 4) == mean
