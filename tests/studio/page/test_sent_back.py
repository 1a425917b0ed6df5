"""Parts of a note by annotator."""

from __future__ import annotations

import pytest

from rsitmd_tools.studio.page.sent_back import notes_to
from rsitmd_tools.studio.sync.notes import GIVEN_AWAY

ANNA, BERTA = "anna@example.org", "berta@example.org"
BOTH = (
    f"Sent back to {ANNA}, sentence 1: says 'many' / count them"
    f" / Sent back to Berta (the second) ({BERTA}), sentence 2: as {ANNA} wrote"
    f" / Sent back to A, B: C ({ANNA}), sentence 3: S104"
)


def test_each_annotator_gets_their_own_parts() -> None:
    assert notes_to(BOTH, ANNA) == ["sentence 1: says 'many' / count them", "sentence 3: S104"]
    assert notes_to(BOTH, BERTA) == [f"sentence 2: as {ANNA} wrote"]
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
