"""The published form of a result: a fixed evaluation, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rsitmd_tools.baselines.evaluation.compare import compare
from rsitmd_tools.baselines.evaluation.evaluate import evaluate, evaluate_scores
from rsitmd_tools.baselines.evaluation.tables import render
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence

GOLDEN = Path(__file__).parent / "golden"
# What differs from machine to machine, and the checksum of a file that numpy writes.
VARYING: dict[str, Any] = {"command": "rsitmd", "versions": {}, "machine": {}}


@pytest.fixture
def fixed() -> Dataset:
    """Eight images of two categories; one without sentences, one blank sentence."""
    colours = ("red", "green", "blue", "white", "grey", "brown", "black")
    images = []
    for number, colour in enumerate(colours):
        texts = [f"a {colour} boat beside {number} piers .", f"{number} boats on the sea ."]
        texts += ["a boat on the sea ."] * (number % 2) + [" "] * (number == 3)
        images.append(
            ImageRecord(
                f"{number}.png",
                tuple(map(Sentence, texts)),
                ("red boat", "blue sea") if number < 3 else (f"{colour} boat",),
                "test",
                ("port", "coast")[number % 2],
            )
        )
    images.append(ImageRecord("7.png", (), (), "test", "port"))
    return Dataset("fixed", tuple(images), Path("nowhere"), "rsitmd")


@pytest.fixture
def folder(fixed: Dataset, tmp_path: Path) -> Path:
    """The result of scores with ties."""
    texts = len(fixed.captions())
    random = np.random.default_rng(0)
    np.save(tmp_path / "scores.npy", random.integers(0, 7, (8, texts)).astype(np.float32))
    evaluate_scores(tmp_path / "scores.npy", fixed, output=tmp_path / "out")
    return tmp_path / "out"


def checked(name: str, text: str) -> None:
    """Compare a text with the golden file of that name."""
    assert text == (GOLDEN / name).read_text(encoding="utf-8")


def test_result_json(folder: Path) -> None:
    result = json.loads((folder / "result.json").read_text())
    assert list(result)[-3:] == ["command", "versions", "machine"]
    result.update(VARYING)
    result["scores"]["sha256"] = "0" * 64
    checked("result.json", json.dumps(result, indent=2, ensure_ascii=False) + "\n")


def test_comparison(folder: Path) -> None:
    comparison = compare([folder])
    checked("comparison.json", json.dumps(comparison, indent=2, ensure_ascii=False) + "\n")
    checked("comparison.txt", render(comparison, "text") + "\n")


def test_keys_of_a_run(tiny: Dataset, run: Path) -> None:
    """Their order too."""
    checked("keys_of_a_run.txt", "".join(f"{key}\n" for key in evaluate(run, tiny)))
