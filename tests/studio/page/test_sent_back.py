"""Parts of a note by annotator."""

from __future__ import annotations

import pytest

from rsitmd_tools.studio.page.sent_back import notes_to, unchanged_notes
from rsitmd_tools.studio.sync.notes import GIVEN_AWAY, text_hash
from rsitmd_tools.studio.sync.results import as_result

ANNA, BERTA = "anna@example.org", "berta@example.org"
BOTH = (
    f"Sent back to {ANNA}, sentence 1: says 'many' / count them"
    f" / Sent back to Berta (the second) ({BERTA}), sentence 2: as {ANNA} wrote"
    f" / Sent back to A, B: C ({ANNA}), sentence 3: S104"
)


def test_each_annotator_gets_their_own_parts() -> None:
    assert notes_to(BOTH, ANNA) == ["sentence 1: says 'many' / count them", "sentence 3: S104"]
    assert notes_to(BOTH, BERTA) == [f"sentence 2: as {ANNA} wrote"]
    assert notes_to(BOTH.replace(BERTA, "Berta@Example.org"), BERTA) == notes_to(BOTH, BERTA)
    assert notes_to(BOTH, "clara@example.org") == []


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (f"{ANNA}: Count the trees.", "Count the trees."),
        (f"{ANNA}: {ANNA}: 13 words in 2.5 s", f"{ANNA}: 13 words in 2.5 s"),
        (f"Anna ({ANNA}): Count: two, or three?", "Count: two, or three?"),
        (f"{ANNA}, sentence 2: Count the trees.", "sentence 2: Count the trees."),
        (f"Anna ({ANNA}), sentence 2: Count the trees.", "sentence 2: Count the trees."),
        (f"Anna: the first, ({ANNA}), sentence 2: Count.", "sentence 2: Count."),
    ],
)
def test_every_form_of_a_note_is_parsed(form: str, said: str) -> None:
    assert notes_to(f"Sent back to {form}", ANNA) == [said]
    assert notes_to(f"Sent back to {form} / Sent back to {BERTA}: x", ANNA) == [said]
    assert notes_to(f"Sent back to {form} / {GIVEN_AWAY}", ANNA) == [said]


@pytest.mark.parametrize("part", ["nna@example.org", "anna@example.or", "example.org", ""])
def test_a_part_of_an_address_matches_no_annotator(part: str) -> None:
    assert notes_to(BOTH, part) == []


@pytest.mark.parametrize(
    "note", ["", GIVEN_AWAY, "Sent back to ", f"Look at {ANNA}, sentence 1: x"]
)
def test_other_notes_send_nothing_back(note: str) -> None:
    assert notes_to(note, ANNA) == []


def test_the_note_of_a_reassigned_image_is_ignored() -> None:
    note = f"Sent back to {ANNA}, sentence 1: short / {GIVEN_AWAY}"
    assert notes_to(note, ANNA) == ["sentence 1: short"]


NOTES = ["sentence 1: says 'many'", "sentence 2: empty"]
WAITS = [
    [ANNA, 1, text_hash("There are many boats.")],
    [BERTA, 1, text_hash("A blue sea.")],
    [ANNA, 2, text_hash("")],
]


@pytest.mark.parametrize(
    ("texts", "left"),
    [
        (["There are many\nboats. ", " "], NOTES),
        (["There are two boats.", ""], NOTES[1:]),
        (["There are many boats.", "A blue sea."], NOTES[:1]),
        (["There are two boats.", "A blue sea."], []),
    ],
)
def test_only_notes_on_unchanged_sentences_are_left(texts: list[str], left: list[str]) -> None:
    assert unchanged_notes(NOTES, WAITS, ANNA, [as_result(texts, [])]) == left
    typed = [[str(author).title(), slot, text] for author, slot, text in WAITS]
    assert unchanged_notes(NOTES, typed, ANNA, [as_result(texts, [])]) == left


def test_a_renamed_field_is_compared_too() -> None:
    result = as_result(["There are many boats."], [])
    result[0]["from_name"] = "caption"
    assert unchanged_notes(NOTES[:1], WAITS[:1], ANNA, [result]) == NOTES[:1]
    result[0]["value"]["text"] = ["There are two boats."]
    assert unchanged_notes(NOTES[:1], WAITS[:1], ANNA, [result]) == []


def test_a_note_that_looks_like_two_is_left_as_long_as_a_sentence_is_unchanged() -> None:
    parts = [*NOTES, f"to {ANNA}"]
    results = [as_result(["There are many boats.", "A blue sea."], [])]
    assert unchanged_notes(parts, WAITS, ANNA, results) == parts
    results = [as_result(["There are two boats.", "A blue sea."], [])]
    assert unchanged_notes(parts, WAITS, ANNA, results) == []
