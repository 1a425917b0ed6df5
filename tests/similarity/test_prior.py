"""The reference definition against a pairwise oracle; files and their checks."""

from __future__ import annotations

import json
import math
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.translate.bleu_score import sentence_bleu

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.similarity import compute_prior, load_prior, write_prior
from rsitmd_tools.text.tokens import stem, stop_words, tokenize


def dataset(captions: list[list[str]]) -> Dataset:
    return Dataset(
        "test",
        tuple(
            ImageRecord(f"a_{n}.tif", tuple(Sentence(raw) for raw in row), split="train")
            for n, row in enumerate(captions)
        ),
        Path("memory"),
        "rsitmd",
    )


def stems(text: str) -> list[str]:
    return [stem(token) for token in tokenize(text)]


def pairwise(references: list[str], caption: str) -> float:
    """Plain transcription of the definition, with NLTK's BLEU."""
    c, refs, stop = stems(caption), [stems(r) for r in references], stop_words()
    words = [v for v in ([s for s in r if s not in stop] for r in refs) if v]
    if not words:
        return math.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score1 = 1.0 if c in refs else sentence_bleu(refs, c)
    own = {s for s in c if s not in stop}
    score2 = float(np.mean([len(set(v) & own) / len(v) for v in words]))
    return (score1 + score2) / 2


VOCABULARY = ["the", "a", "red", "ships", "ship", "port", "is", "near", "this", ",", ".", "blue"]
CAPTION = st.lists(st.sampled_from(VOCABULARY), max_size=9).map(" ".join)
IMAGES = st.lists(st.lists(CAPTION, min_size=1, max_size=5), min_size=1, max_size=4)


@settings(max_examples=200, deadline=None)
@given(captions=IMAGES)
def test_equal_to_the_pairwise_definition(captions: list[list[str]]) -> None:
    data = dataset(captions)
    expected = [[pairwise(row, c) for c in data.captions()] for row in captions]
    np.testing.assert_allclose(compute_prior(data), expected, rtol=0, atol=1e-12, equal_nan=True)


def test_odd_captions() -> None:
    rows = [
        ["", "  ", ""],
        ["ship"],
        ["the the the the the", "港口 船", "x " * 300],
        ["ship", "ship", "a red ship is near the blue port ."],
    ]
    data = dataset(rows)
    expected = [[pairwise(row, c) for c in data.captions()] for row in rows]
    found = compute_prior(data)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12, equal_nan=True)
    assert np.isnan(found[0]).all()
    assert found[1, 3] == 1.0


def test_threads_do_not_change_a_bit() -> None:
    rows = [[f"{a} {b} ship is near the {a} port ."] for a in "pqrstu" for b in VOCABULARY]
    one, two = (compute_prior(dataset(rows), threads=n) for n in (1, 2))
    assert one.tobytes() == two.tobytes()


def test_float32_is_the_rounded_float64() -> None:
    rows = [["a red ship is near the port"], ["a red ship is near the bridge"]]
    exact = compute_prior(dataset(rows))
    rounded = compute_prior(dataset(rows), dtype="float32")
    np.testing.assert_array_equal(rounded, exact.astype(np.float32))


def test_abbreviations_do_not_end_a_sentence() -> None:
    assert tokenize("Mr. Sima saw it. Then he left.")[0] == "Mr."
    assert tokenize("It ends. Here.") == ["It", "ends", ".", "Here", "."]


def test_a_prior_of_captions_that_belong_to_other_images_is_refused(tmp_path: Path) -> None:
    """Names and captions are the same, in the same order."""
    captions = ["a red ship", "a port", "a blue sea", "a beach"]
    data = dataset([captions[:2], captions[2:]])
    moved = dataset([captions[:3], captions[3:]])
    prior = write_prior(data, tmp_path / "train.npy")
    with pytest.raises(RsitmdError, match=r"other data \(captions belong to other images\)"):
        load_prior(prior.path, moved)
    # Earlier versions did not record it.
    metadata = json.loads(prior.path.with_suffix(".json").read_text())
    del metadata["owners_sha256"]
    prior.path.with_suffix(".json").write_text(json.dumps(metadata))
    assert load_prior(prior.path, data).shape == (2, 4)
    with pytest.raises(RsitmdError, match="which captions belong to which image is not recorded"):
        load_prior(prior.path, moved)


def test_the_json_file_of_another_matrix_is_neither_replaced_nor_read(tmp_path: Path) -> None:
    data = dataset([["red roof"], ["green field"]])
    sparse = write_prior(data, tmp_path / "train.npz", threshold=0.1)
    described = (tmp_path / "train.json").read_bytes()
    with pytest.raises(RsitmdError, match=r"would replace train\.json, .* to train\.npz"):
        write_prior(data, tmp_path / "train.npy", "paper")
    assert (tmp_path / "train.json").read_bytes() == described
    assert not (tmp_path / "train.npy").exists()
    assert sparse.path is not None
    write_prior(data, sparse.path, threshold=0.2)  # the same name again
    write_prior(data, tmp_path / "dense.npy")
    shutil.copy(tmp_path / "dense.json", tmp_path / "train.json")
    with pytest.raises(RsitmdError, match=r"train\.npz: is described by train\.json"):
        load_prior(sparse.path, data)


def test_written_read_and_refused(tmp_path: Path) -> None:
    data = dataset([["a red ship near the port"], ["a blue sea"]])
    prior = write_prior(data, tmp_path / "prior" / "train.npy")
    np.testing.assert_array_equal(prior.values, compute_prior(data))
    block = prior.at(np.array([1]), np.array([0, 1]))
    np.testing.assert_array_equal(block, compute_prior(data)[[1]][:, [0, 1]])
    other = dataset([["a red ship near the port"], ["a green sea"]])
    with pytest.raises(RsitmdError, match=r"computed from other data \(different captions\)"):
        load_prior(prior.path, other)
    with pytest.raises(RsitmdError, match="2 x 2 instead of 1 x 1"):
        load_prior(prior.path, dataset([["x"]]))
    for damaged in (b"half", b""):
        prior.path.write_bytes(damaged)
        with pytest.raises(RsitmdError, match="is not a readable prior"):
            load_prior(prior.path, data)
