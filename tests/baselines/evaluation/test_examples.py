"""The examples of an evaluation: equal sentences are found once."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rsitmd_tools.baselines.evaluation.examples import FOUND, examples
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence

SHARED = "There is a piece of farmland ."


def test_equal_sentences_are_found_once_with_the_number_of_their_images() -> None:
    images = [
        ImageRecord(
            f"{n}.jpg",
            (Sentence(SHARED), Sentence(SHARED), Sentence(f"Field {n}.")),
            split="test",
        )
        for n in range(4)
    ]
    gallery = Gallery.of(Dataset("farms", tuple(images), Path("farms"), "precomp"), "test")
    scores = np.tile([0.9, 0.9, 0.1], (4, 4)).astype(np.float32)
    scores[3, 2] = 0.5
    last = examples(scores, gallery)["image_to_text"][-1]
    assert last["image"] == "3.jpg"
    found = [(each["sentence"], each["relevant"], each["images"]) for each in last["found"]]
    assert found == [
        (SHARED, True, 4),
        ("Field 0.", False, 1),
        ("Field 1.", False, 1),
        ("Field 2.", False, 1),
        ("Field 3.", True, 1),
    ]
    assert len(found) == FOUND
    assert [each["score"] for each in last["found"][:2]] == [np.float32(0.9), 0.5]
