"""Which prior a gallery has, and what is loaded for it beside the encoding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.priors import gallery_prior, load_beside
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.similarity import kernels, reference, write_prior


@pytest.fixture
def released(uneven: Dataset, tmp_path: Path) -> Gallery:
    """The gallery of a dataset with a prior beside it."""
    data = replace(uneven, source=tmp_path)
    (tmp_path / "prior").mkdir()
    write_prior(data.select("test"), tmp_path / "prior" / "test.npy")
    return Gallery.of(data, "test")


def test_the_prior_beside_the_dataset_is_used(
    released: Gallery, gallery: Gallery, tmp_path: Path
) -> None:
    theirs, ours = (gallery_prior(each, "test", tmp_path) for each in (released, gallery))
    assert theirs.prior.path.parent.name == "prior"
    at = [each.prior.at(each.rows, each.columns) for each in (theirs, ours)]
    assert at[0] == pytest.approx(at[1], abs=1e-7)


def test_the_kernel_of_a_large_prior_is_loaded_in_a_thread(
    gallery: Gallery, released: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(kernels, "reference_rows", lambda first, *others: calls.append(first))
    for small, expected in ((gallery.images * gallery.texts, 0), (17, 1)):
        monkeypatch.setattr(reference, "SMALL", small)
        thread = load_beside(gallery, "test")
        assert thread is not None
        thread.join()
        assert len(calls) == expected
    assert load_beside(released, "test") is None


def test_a_block_of_a_prior_is_a_copy_of_its_rows_and_columns(released: Gallery) -> None:
    prior = gallery_prior(released, "test", Path("nowhere")).prior
    for rows, columns in (([1, 2], [3, 4, 5]), ([2, 0], [5, 3]), ([], [0]), ([-1], [0, 1])):
        block = prior.at(rows, columns)
        expected = np.asarray(prior.values)[np.array(rows, int)][:, np.array(columns)]
        np.testing.assert_array_equal(block, expected)
        block[...] = 7
    with pytest.raises(IndexError):
        prior.at([0], [6, 7, 8])
