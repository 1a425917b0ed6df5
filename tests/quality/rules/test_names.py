"""Messages that speak of another sentence name it as people read it: numbers from 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rsitmd_tools.dataset import Sentence
from tests.quality.conftest import FIVE, dataset, record

if TYPE_CHECKING:
    from tests.quality.conftest import Found

FIELD = "A green football field lies in the middle of the red running track."
NEAR = "A green football field lies in the middle of a red running track."


def test_a_repeated_sentence_is_counted_from_1(found: Found) -> None:
    [finding] = found("S102", dataset(record(sentences=[*FIVE[:2], FIVE[1]])))
    assert finding.message == "repeats sentence 2 of this image"
    assert finding.sentence_index == 2


def test_a_near_repeat_names_image_and_annotator(found: Found) -> None:
    mine = [Sentence(FIVE[0], "anna@x"), Sentence(FIELD, "anna@x")]
    data = dataset(record("a_1.tif", mine), record("b_2.tif", [Sentence(NEAR, "berta@x")]))
    [finding] = found("S107", data)
    assert finding.message.endswith("of its words with sentence 2 of anna@x on a_1.tif")
    data = dataset(record("a_1.tif", mine[1:]), record("b_2.tif", [Sentence(NEAR, "berta@x")]))
    [finding] = found("S107", data)
    assert finding.message.endswith("of its words with the sentence of anna@x on a_1.tif")


def test_similar_annotators_are_named_with_the_number(found: Found) -> None:
    sentences = [
        Sentence(FIVE[0], "anna@x"),
        Sentence(FIELD, "anna@x"),
        Sentence(NEAR, "berta@x"),
    ]
    [finding] = found("N106", dataset(record(sentences=sentences)))
    assert finding.message.startswith("berta@x and anna@x share ")
    assert finding.message.endswith("(sentence 2 of anna@x)")
