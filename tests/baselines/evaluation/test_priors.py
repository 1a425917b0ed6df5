"""Which prior a gallery has, and what is loaded for it beside the encoding."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rsitmd_tools.baselines.evaluation import priors
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.priors import gallery_prior, prior_beside
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
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


def test_the_prior_is_computed_beside_the_encoding(
    gallery: Gallery, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with prior_beside(gallery, "test") as prior:
        found = prior()
        folder = found.prior.path.parent
        assert folder.exists() and prior() is found
        values = found.prior.at(found.rows, found.columns)
    assert not folder.exists()
    assert capsys.readouterr().err == ""
    ours = gallery_prior(gallery, "test", tmp_path)
    np.testing.assert_array_equal(values, ours.prior.at(ours.rows, ours.columns))


def test_an_error_of_the_encoding_waits_for_the_prior(gallery: Gallery) -> None:
    with pytest.raises(KeyboardInterrupt), prior_beside(gallery, "test"):
        raise KeyboardInterrupt
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prior")]


def test_an_error_of_the_prior_is_raised_where_it_is_needed(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RsitmdError("the disk is full", where="prior.npy", hint="free some space")

    monkeypatch.setattr(priors, "write_prior", fail)
    with prior_beside(gallery, "test") as prior, pytest.raises(RsitmdError, match="disk is full"):
        prior()


def test_of_a_large_gallery_only_the_kernel_is_loaded_in_a_thread(
    gallery: Gallery, released: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(kernels, "reference_rows", lambda first, *others: calls.append(first))
    monkeypatch.setattr(priors, "MOST_BESIDE", 0)
    for small, expected in ((gallery.images * gallery.texts, 0), (17, 1)):
        monkeypatch.setattr(reference, "SMALL", small)
        with prior_beside(gallery, "test"):
            pass
        assert len(calls) == expected
    with prior_beside(released, "test") as prior:
        assert prior().prior.path.parent.name == "prior"
    assert len(calls) == 1


@pytest.mark.parametrize("threshold", [None, 0.3])
def test_the_pairs_of_a_prior_are_those_of_its_blocks(
    uneven: Dataset, tmp_path: Path, threshold: float | None
) -> None:
    path = tmp_path / ("p.npy" if threshold is None else "p.npz")
    prior = write_prior(uneven, path, threshold=threshold)
    random = np.random.default_rng(0)
    rows, columns = (random.integers(-size, size, 40) for size in prior.shape)
    expected = [prior.at([row], [column])[0, 0] for row, column in zip(rows, columns, strict=True)]
    np.testing.assert_array_equal(prior.pairs(rows, columns), expected)
    with pytest.raises(IndexError):
        prior.pairs([0], [prior.shape[1]])


def test_a_block_of_a_prior_is_a_copy_of_its_rows_and_columns(released: Gallery) -> None:
    prior = gallery_prior(released, "test", Path("nowhere")).prior
    for rows, columns in (([1, 2], [3, 4, 5]), ([2, 0], [5, 3]), ([], [0]), ([-1], [0, 1])):
        block = prior.at(rows, columns)
        expected = np.asarray(prior.values)[np.array(rows, int)][:, np.array(columns)]
        np.testing.assert_array_equal(block, expected)
        block[...] = 7
    with pytest.raises(IndexError):
        prior.at([0], [6, 7, 8])
