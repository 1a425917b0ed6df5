"""Prior files: dense and sparse, whole or not at all, opened with their own data only."""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
import pytest
import scipy.sparse

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.schemas import first_error, load_schema
from rsitmd_tools.similarity import compute_prior, load_prior, write_prior

if TYPE_CHECKING:
    from tests.similarity.conftest import MakeDataset

WORDS = ("red", "blue", "ships", "port", "sea", "grey", "road", "near", "long", "roof")


@pytest.fixture
def data(make_dataset: MakeDataset) -> Dataset:
    random = np.random.default_rng(0)
    rows = [[" ".join(random.choice(WORDS, 8)) for _ in range(5)] for _ in range(30)]
    rows[7] = [""] * 5
    return make_dataset(rows)


@pytest.mark.parametrize("definition", ["reference", "paper"])
def test_a_dense_file_contains_the_matrix_and_its_metadata(
    tmp_path: Path, data: Dataset, definition: str
) -> None:
    prior = write_prior(data, tmp_path / "p.npy", definition, dtype="float32")
    matrix = compute_prior(data, definition, dtype="float32")
    np.testing.assert_array_equal(prior.values, matrix)
    metadata = json.loads((tmp_path / "p.json").read_text())
    assert first_error(metadata, load_schema("prior")) is None
    assert metadata["definition"] == definition
    assert metadata["shape"] == [30, 150]
    assert metadata["nan_rows"] == int(np.isnan(matrix[:, 0]).sum()) == (definition == "reference")
    assert metadata["mean"] == pytest.approx(np.nanmean(matrix), rel=1e-6)
    assert load_prior(tmp_path / "p.npy", data).definition == definition


def test_a_sparse_file_contains_high_values_and_the_mean_of_the_others(
    tmp_path: Path, data: Dataset
) -> None:
    matrix = compute_prior(data)
    prior = write_prior(data, tmp_path / "p.npz", threshold=0.3)
    kept = np.nan_to_num(matrix, nan=0) >= 0.3
    low = matrix[~kept & ~np.isnan(matrix)]
    assert prior.metadata["kept"] == int(kept.sum()) > 0
    assert prior.metadata["dropped"] == low.size > 0
    assert prior.metadata["dropped_mean"] == pytest.approx(low.mean(), abs=1e-12)
    expected = np.where(kept, matrix, low.mean())
    expected[np.isnan(matrix)] = np.nan
    images, captions = np.array([3, 0, 7, 29]), np.array([149, 0, 5, 4, 17])
    opened = load_prior(tmp_path / "p.npz", data)
    np.testing.assert_allclose(
        opened.at(images, captions), expected[np.ix_(images, captions)], atol=1e-12
    )
    # So that the mean margin stays what it was: equation 30 is near linear in the mean.
    whole = opened.at(np.arange(30), np.arange(150))
    assert np.nanmean(whole) == pytest.approx(np.nanmean(matrix), abs=1e-12)
    loaded = scipy.sparse.load_npz(tmp_path / "p.npz").toarray()
    np.testing.assert_array_equal(loaded, np.where(kept, matrix, 0))


def test_a_block_is_read_without_the_rest_and_survives_pickling(
    tmp_path: Path, data: Dataset
) -> None:
    write_prior(data, tmp_path / "p.npy")
    prior = load_prior(tmp_path / "p.npy", data)
    base: Any = prior.values
    while not isinstance(base, np.memmap):
        base = base.base
    again = pickle.loads(pickle.dumps(prior))
    images, captions = np.array([1, 5]), np.array([7, 3])
    np.testing.assert_array_equal(again.at(images, captions), prior.at(images, captions))


@pytest.mark.parametrize("name", ["p.npy", "p.npz"])
def test_indices_count_from_the_end_or_are_refused(
    tmp_path: Path, data: Dataset, name: str
) -> None:
    write_prior(data, tmp_path / name, threshold=0.3 if name == "p.npz" else None)
    prior = load_prior(tmp_path / name, data)
    images, captions = prior.shape
    expected = prior.at([images - 2, 0], [0, captions - 1])
    assert expected.max() > 0
    np.testing.assert_array_equal(prior.at([-2, 0], [0, -1]), expected)
    np.testing.assert_array_equal(prior.at([-2], [-1]), prior.at([images - 2], [captions - 1]))
    for wrong in (([0], [captions]), ([0], [-captions - 1]), ([images], [0]), ([-images - 1], [0])):
        with pytest.raises(IndexError):
            prior.at(*wrong)


def test_a_prior_of_another_dataset_is_refused_with_the_difference(
    tmp_path: Path, data: Dataset, make_dataset: MakeDataset
) -> None:
    path = write_prior(data, tmp_path / "p.npy").path
    fewer = data.with_images(data.images[:-1])
    with pytest.raises(RsitmdError, match="30 x 150 instead of 29 x 145"):
        load_prior(path, fewer)
    renamed = make_dataset([list(image.captions) for image in data], category="b")
    with pytest.raises(RsitmdError, match="different images"):
        load_prior(path, renamed)
    swapped = data.with_images(
        [*data.images[:-1], data.images[-1].__class__("a_29.tif", data.images[0].sentences)]
    )
    with pytest.raises(RsitmdError, match="different captions"):
        load_prior(path, swapped)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "is not a readable prior"),
        (lambda path: path.write_bytes(path.read_bytes()[:300]), "is not a readable prior"),
        (lambda path: np.save(path, np.zeros((3, 3))), "its JSON file has"),
        (lambda path: np.save(path, np.array(["x"])), "is not a readable prior"),
        (lambda path: path.with_suffix(".json").unlink(), r"has no \w+\.json beside it"),
        (lambda path: path.with_suffix(".json").write_text("[]"), "must be an object, not"),
        (lambda path: path.with_suffix(".json").write_text("{"), "is not a readable prior"),
    ],
)
def test_a_damaged_file_is_a_one_line_error(
    tmp_path: Path, data: Dataset, spoil: Any, message: str
) -> None:
    path = write_prior(data, tmp_path / "p.npy").path
    spoil(path)
    with pytest.raises(RsitmdError, match=message) as caught:
        load_prior(path, data)
    assert len(str(caught.value).splitlines()) == 1


def test_a_pickle_is_never_loaded(tmp_path: Path, data: Dataset) -> None:
    path = write_prior(data, tmp_path / "p.npy").path
    np.save(path, np.array([[object()] * 150] * 30), allow_pickle=True)
    with pytest.raises(RsitmdError, match="is not a readable prior"):
        load_prior(path, data)


def test_endings_dtypes_and_thresholds_are_checked(tmp_path: Path, data: Dataset) -> None:
    with pytest.raises(WrongUsage, match=r"ends in \.npy"):
        write_prior(data, tmp_path / "p.npz")
    with pytest.raises(WrongUsage, match=r"ends in \.npz"):
        write_prior(data, tmp_path / "p.npy", threshold=0.1)
    with pytest.raises(WrongUsage, match="not between 0 and 1"):
        write_prior(data, tmp_path / "p.npz", threshold=1.5)
    with pytest.raises(WrongUsage, match="invalid dtype"):
        write_prior(data, tmp_path / "p.npy", dtype="int8")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(
    tmp_path: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(RsitmdError, match=r"no space left on device.*; free some space"):
        write_prior(data, tmp_path / "p.npy")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("threshold", [None, 0.1])
def test_a_matrix_that_is_larger_than_the_disk_is_refused_before_its_captions_are_indexed(
    tmp_path: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch, threshold: float | None
) -> None:
    full = SimpleNamespace(free=1000, total=2000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    path = tmp_path / "new" / ("p.npy" if threshold is None else "p.npz")
    if threshold is not None:
        assert write_prior(data, path, threshold=threshold).shape == (30, 150)
        return
    with (
        mock.patch("rsitmd_tools.similarity.compute.prepare", side_effect=AssertionError),
        pytest.raises(RsitmdError, match=r"GB left; use a sparse one \(rsitmd build similarity"),
    ):
        write_prior(data, path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_does_not_know_its_size_is_used(
    tmp_path: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0, total=0))
    assert write_prior(data, tmp_path / "p.npy").path.exists()


def test_a_folder_that_cannot_be_made_is_named(data: Dataset) -> None:
    with pytest.raises(RsitmdError, match=r"/proc/prior/p\.npy: cannot be written"):
        write_prior(data, Path("/proc/prior/p.npy"))


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.similarity import compute, rows
rows.MOST_ROWS = 2
blocks = 0
real = compute.map_blocks
def counted(*arguments):
    global blocks
    for block in real(*arguments):
        blocks += 1
        if blocks == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        yield block
compute.map_blocks = counted
data = load_dataset(Path(sys.argv[1]))
threshold = 0.2 if sys.argv[2].endswith("z") else None
compute.write_prior(data, Path(sys.argv[2]), threshold=threshold)
"""


@pytest.mark.parametrize("name", ["p.npy", "p.npz"])
@pytest.mark.parametrize("moment", [1, 6, 14])
def test_a_killed_writer_leaves_no_half_file(
    tmp_path: Path, data: Dataset, name: str, moment: int
) -> None:
    from rsitmd_tools.formats import save_dataset

    (tmp_path / "data").mkdir()
    save_dataset(data, tmp_path / "data", "rsitmd")
    target = tmp_path / "out" / name
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "data", target, str(moment)],
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not target.exists()
    assert not target.with_suffix(".json").exists()
    threshold = 0.2 if name.endswith("z") else None
    write_prior(data, target, threshold=threshold)
    assert sorted(path.name for path in target.parent.iterdir()) == ["p.json", name]
    load_prior(target, data)
