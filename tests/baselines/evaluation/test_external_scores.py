"""Scores of anybody's own model: by order, by name, and refused."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from rsitmd_tools.baselines.evaluation.external_scores import read_scores
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.errors import RsitmdError

FULL = (4, 7)


@pytest.fixture
def scores() -> np.ndarray:
    return np.random.default_rng(0).normal(size=FULL).astype(np.float32)


def test_rows_and_columns_that_are_left_out_are_dropped(
    gallery: Gallery, scores: np.ndarray, tmp_path: Path
) -> None:
    np.save(tmp_path / "s.npy", scores)
    found = read_scores(tmp_path / "s.npy", gallery)
    assert found.dtype == np.float32
    assert np.array_equal(found, scores[np.ix_([0, 1, 3], [0, 1, 3, 4, 5, 6])])


def test_names_in_a_file_beside_the_scores_set_the_order(
    gallery: Gallery, scores: np.ndarray, tmp_path: Path
) -> None:
    images = [image.filename for image in gallery.asked]
    texts = [
        [image.filename, place] for image in gallery.asked for place in range(len(image.sentences))
    ]
    rows, columns = [3, 1, 0, 2], [6, 0, 5, 1, 4, 2, 3]
    np.save(tmp_path / "s.npy", scores[np.ix_(rows, columns)])
    (tmp_path / "s.json").write_text(
        json.dumps({"images": [images[r] for r in rows], "texts": [texts[c] for c in columns]})
    )
    expected = scores[np.ix_(gallery.rows, gallery.columns)]
    assert np.array_equal(read_scores(tmp_path / "s.npy", gallery), expected)


def test_integers_are_valid_scores(gallery: Gallery, tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", np.arange(28).reshape(FULL))
    assert read_scores(tmp_path / "s.npy", gallery).dtype == np.float64


@pytest.mark.parametrize(
    ("array", "line"),
    [
        (np.zeros((7, 4)), "has shape 7 x 4, expected 4 images x 7 sentences; transpose it"),
        (np.zeros((3, 6)), "has shape 3 x 6, expected 4 images x 7 sentences; score every"),
        (np.zeros(28), "has shape 28, expected 4 images"),
        (np.full(FULL, np.nan), "s.npy: im 0.png: 18 of 18 scores are NaN; set a number"),
        (np.array([["a"] * 7] * 4), "is not an array of numbers"),
        (np.zeros(FULL, complex), "is not an array of numbers"),
    ],
)
def test_scores_of_the_wrong_shape_are_a_one_line_error(
    gallery: Gallery, tmp_path: Path, array: np.ndarray, line: str
) -> None:
    np.save(tmp_path / "s.npy", array)
    with pytest.raises(RsitmdError, match=line):
        read_scores(tmp_path / "s.npy", gallery)


class Evil:
    """Would write a file if it were unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return open, ("/tmp/rsitmd-tools-was-here", "w")


def test_no_pickle_is_loaded(gallery: Gallery, tmp_path: Path) -> None:
    (tmp_path / "p.npy").write_bytes(pickle.dumps(Evil()))
    np.save(tmp_path / "o.npy", np.array([Evil()]), allow_pickle=True)
    for name in ("p.npy", "o.npy"):
        with pytest.raises(RsitmdError, match=r"is not a \.npy file of numbers"):
            read_scores(tmp_path / name, gallery)
    with pytest.raises(RsitmdError, match="cannot be read"):
        read_scores(tmp_path / "absent.npy", gallery)
    assert not Path("/tmp/rsitmd-tools-was-here").exists()


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ({"images": ["im 0.png"], "texts": [["im 0.png", 0]]}, "does not list 7 items .* im 1.png"),
        ({"images": ["a", "a"], "texts": [["a", 0]]}, "images: contains a name twice"),
        ({"images": ["a"], "texts": [["a"]]}, r"texts\[0\]"),
        ({"images": ["a"]}, "has no 'texts'"),
        ([], "document"),
    ],
)
def test_names_that_do_not_match_the_dataset(
    gallery: Gallery, scores: np.ndarray, tmp_path: Path, names: object, line: str
) -> None:
    np.save(tmp_path / "s.npy", scores)
    (tmp_path / "s.json").write_text(json.dumps(names))
    with pytest.raises(RsitmdError, match=line):
        read_scores(tmp_path / "s.npy", gallery)


def test_a_sentence_that_is_not_named_is_counted_from_1(
    gallery: Gallery, scores: np.ndarray, tmp_path: Path
) -> None:
    names = [image.filename for image in gallery.part]
    np.save(tmp_path / "s.npy", scores)
    (tmp_path / "s.json").write_text(json.dumps({"images": names, "texts": [[names[0], 0]]}))
    with pytest.raises(
        RsitmdError, match=r'such as sentence \d of (.+) \(as \["\1", \d\]\)'
    ) as said:
        read_scores(tmp_path / "s.npy", gallery)
    number, index = re.findall(r"sentence (\d) of .*, (\d)\]\)", str(said.value))[0]
    assert int(number) == int(index) + 1
