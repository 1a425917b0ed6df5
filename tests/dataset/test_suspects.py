"""Files of suspects: written, read, and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.dataset.suspects import Suspects, ranked, read_suspects, suspects_document
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.schemas import first_error, load_schema

MADE = {"config": "vsepp", "set": [], "folds": 2, "seed": 0}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    images = tuple(ImageRecord(name, (Sentence(f"Of {name}."),)) for name in ("a_1.png", "a_2.png"))
    return Dataset("D", images, tmp_path, "rsitmd")


def suspects() -> Suspects:
    return ranked(
        [
            ("a_1.png", 0, "Of a_1.png.", -2.0, "a_2.png"),
            ("a_2.png", 0, "Of a_2.png.", 1.5, "a_1.png"),
        ],
        flagged=1,
    )


def write(folder: Path, dataset: Dataset) -> Path:
    file = folder / "suspects.json"
    file.write_text(json.dumps(suspects_document(suspects(), dataset, MADE)))
    return file


def test_the_most_suspicious_sentence_is_the_first(dataset: Dataset, tmp_path: Path) -> None:
    file = write(tmp_path, dataset)
    found = read_suspects(file, dataset)
    assert found == suspects()
    assert [(s.rank, s.image) for s in found.suspects] == [(1, "a_2.png"), (2, "a_1.png")]
    assert [s.image for s in found] == ["a_2.png"]
    assert found.suspects[0].message == "fits a_1.png better, according to a model"
    assert first_error(json.loads(file.read_text()), load_schema("suspects")) is None


def test_equal_scores_are_in_the_order_of_the_names() -> None:
    entries = [(name, index, "", 0.0, "x") for name in ("b", "a") for index in (1, 0)]
    found = ranked(entries, flagged=99)
    assert [(s.image, s.sentence_index) for s in found] == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert found.flagged == 4


def test_a_file_of_other_sentences_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    file = write(tmp_path, dataset)
    other = dataset.with_images(dataset.images[:1])
    with pytest.raises(RsitmdError, match="was written for other sentences"):
        read_suspects(file, other)


@pytest.mark.parametrize(
    "change",
    [
        {"suspects": [{"rank": 1}]},
        {"suspects": None},
        {"flagged": 3},
        {"flagged": -1},
        {"flagged": "x"},
        {"suspects": 5},
        {"flagged": 1e999},
    ],
)
def test_what_is_no_file_of_suspects(
    dataset: Dataset, tmp_path: Path, change: dict[str, object]
) -> None:
    file = write(tmp_path, dataset)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(RsitmdError, match=r"is not a file of suspects .*; to write it, run"):
        read_suspects(file, dataset)


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000, "\x00"])
def test_what_is_no_document(dataset: Dataset, tmp_path: Path, text: str) -> None:
    file = tmp_path / "suspects.json"
    file.write_text(text)
    with pytest.raises(RsitmdError, match="is not a file of suspects"):
        read_suspects(file, dataset)
    with pytest.raises(RsitmdError, match="is not a file of suspects"):
        read_suspects(tmp_path / "missing.json", dataset)


@pytest.mark.parametrize(
    "change",
    [{"image": "nope.png"}, {"sentence_index": -7}, {"sentence_index": 77}, {"sentence": "x"}],
)
def test_a_sentence_that_the_dataset_does_not_have_is_named(
    dataset: Dataset, tmp_path: Path, change: dict[str, Any]
) -> None:
    file = write(tmp_path, dataset)
    document = json.loads(file.read_text())
    document["suspects"][0] |= change
    file.write_text(json.dumps(document))
    with pytest.raises(RsitmdError, match=r"names a sentence that .* does not have"):
        read_suspects(file, dataset)
