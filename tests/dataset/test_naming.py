"""A sentence is named by its annotator and a number from 1 where one person wrote several."""

from __future__ import annotations

from rsitmd_tools.dataset.naming import sentence_names
from rsitmd_tools.dataset.records import ImageRecord, Sentence


def names(*sentences: Sentence) -> list[tuple[str, str]]:
    return [(n.label, n.phrase) for n in sentence_names(ImageRecord("port_1.tif", sentences))]


def test_without_annotators_the_number_counts_the_sentences_of_the_image() -> None:
    assert names(Sentence("a"), Sentence("b")) == [
        ("sentence 1", "sentence 1"),
        ("sentence 2", "sentence 2"),
    ]


def test_one_sentence_of_each_person_needs_no_number() -> None:
    assert names(Sentence("a", "anna@x"), Sentence("b", "berta@x")) == [
        ("anna@x", "the sentence of anna@x"),
        ("berta@x", "the sentence of berta@x"),
    ]


def test_the_number_counts_what_one_person_wrote() -> None:
    found = names(Sentence("a", "anna@x"), Sentence("b", "berta@x"), Sentence("c", "anna@x"))
    assert found == [
        ("anna@x, sentence 1", "sentence 1 of anna@x"),
        ("berta@x", "the sentence of berta@x"),
        ("anna@x, sentence 2", "sentence 2 of anna@x"),
    ]


def test_numbers_do_not_change_if_an_earlier_sentence_is_left_out() -> None:
    [(label, _)] = names(Sentence("c", "anna@x", number=2))
    assert label == "anna@x, sentence 2"
