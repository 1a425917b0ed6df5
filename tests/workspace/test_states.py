"""A sentence's state: which transitions there are, and that each is recorded."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.sync.revisions import (
    carry_over,
    changed_accepted,
    changed_before_sent_back,
    restore,
)
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.corrections import record_correction, written_text
from rsitmd_tools.workspace.states import TRANSITIONS, move
from tests.builders import WHEN, add

STATES = ("new", "sent back", "accepted", "replaced", "rejected")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with Workspace.create(tmp_path / "w") as workspace, workspace.transaction() as db:
        add(db, "image")
        add(db, "annotator", email="a@x")
        add(db, "project")
        add(db, "task", image_id=1)
        yield db


def revision(db: sqlite3.Connection, number: int, *texts: str, state: str = "new") -> list[int]:
    """Insert a revision; return the rows of its sentences."""
    db.execute("UPDATE annotation SET latest = 0")
    add(db, "annotation", id=number, server_id=7, updated_at=f"time {number}")
    return [
        add(db, "sentence", annotation_id=number, slot=slot, raw=raw, state=state)
        for slot, raw in enumerate(texts, 1)
    ]


def state_of(db: sqlite3.Connection, sentence: int) -> str:
    return str(db.execute("SELECT state FROM sentence WHERE id = ?", (sentence,)).fetchone()[0])


@pytest.mark.parametrize(("before", "after"), [*itertools.product(STATES, STATES)])
def test_every_transition_is_allowed_and_recorded_or_refused(
    db: sqlite3.Connection, before: str, after: str
) -> None:
    (sentence,) = revision(db, 1, "A ship.", state=before)
    if after in TRANSITIONS[before]:
        move(db, sentence, after, "B. Lee", note="why", codes="S104")
        assert state_of(db, sentence) == after
        row = db.execute("SELECT * FROM decision").fetchone()
        told = [row[k] for k in ("before", "after", "decided_by", "note", "codes")]
        assert told == [before, after, "B. Lee", "why", "S104"]
        assert row["decided_at"]
    else:
        with pytest.raises(RsitmdError, match=f"{before} cannot become {after}"):
            move(db, sentence, after, "B. Lee")
        assert state_of(db, sentence) == before


def test_the_states_are_those_of_the_table() -> None:
    assert set(TRANSITIONS) == set(STATES)
    assert TRANSITIONS["replaced"] == {"new", "accepted", "sent back", "rejected"}


def test_a_new_revision_keeps_the_decisions_on_equal_texts(
    db: sqlite3.Connection,
) -> None:
    old = revision(db, 1, "One.", "Two.", "Three.", "Four.")
    move(db, old[0], "accepted", "B. Lee")
    move(db, old[1], "sent back", "B. Lee", note="count them", codes="S104")
    move(db, old[2], "sent back", "B. Lee", note="too short")
    new = revision(db, 2, "One.", "Two boats.", "Three.", "Four.")
    carry_over(db, 1, 2)
    assert [state_of(db, row) for row in old] == ["replaced"] * 4
    assert [state_of(db, row) for row in new] == ["accepted", "new", "sent back", "new"]
    kept = db.execute("SELECT * FROM decision WHERE sentence_id = ?", (new[2],)).fetchone()
    assert (kept["decided_by"], kept["note"]) == ("B. Lee", "too short")


def test_a_corrected_sentence_that_its_author_did_not_change_keeps_all(
    db: sqlite3.Connection,
) -> None:
    old = revision(db, 1, "One", "Two", "Three", "Four.")
    for row, text in zip(old, ("One.", "Two.", "Three."), strict=False):
        fixed = {"edit_distance": None, "codes": "S114", "tool": "t", "made_at": WHEN}
        record_correction(db, row, text.rstrip("."), text, **fixed)
    move(db, old[0], "accepted", "B. Lee")
    move(db, old[1], "sent back", "B. Lee", note="count them")
    move(db, old[2], "accepted", "B. Lee")
    new = revision(db, 2, "One", "Two", "Three boats", "Four boats.")
    assert changed_accepted(db, 1, 2) == [3]
    assert carry_over(db, 1, 2) == 0
    assert [state_of(db, row) for row in new] == ["accepted", "sent back", "new", "new"]
    texts = [row[0] for row in db.execute("SELECT raw FROM sentence WHERE annotation_id = 2")]
    assert texts == ["One.", "Two.", "Three boats", "Four boats."]
    again = revision(db, 3, "One", "Two boats", "Three boats", "Four boats.")
    assert carry_over(db, 2, 3) == 1
    assert [state_of(db, row) for row in again] == ["accepted", "new", "new", "new"]


def test_an_empty_sentence_that_was_sent_back_remains_sent_back(db: sqlite3.Connection) -> None:
    old = revision(db, 1, "One.", "", "Three.")
    move(db, old[1], "sent back", "B. Lee", note="write it")
    move(db, old[2], "sent back", "B. Lee", note="count")
    revision(db, 2, "One.")  # the second is empty as before, the third was deleted
    assert carry_over(db, 1, 2) == 0
    rows = db.execute("SELECT id, slot, raw, state FROM sentence WHERE annotation_id = 2")
    found = {row["slot"]: row for row in rows.fetchall()}
    assert [(found[n]["raw"], found[n]["state"]) for n in (2, 3)] == [("", "sent back")] * 2
    (note,) = db.execute(
        "SELECT note FROM decision WHERE sentence_id = ?", (found[3]["id"],)
    ).fetchone()
    assert note == "count"
    revision(db, 3, "One.", "Two.", "Three.")
    assert carry_over(db, 2, 3) == 2
    rows = db.execute("SELECT state FROM sentence WHERE annotation_id = 3 ORDER BY slot")
    assert [row["state"] for row in rows] == ["new"] * 3


def test_what_was_listed_of_equal_words_is_not_listed_again(db: sqlite3.Connection) -> None:
    old = revision(db, 1, "One.", "Two.")
    for sentence in old:
        row = {"sentence_id": sentence, "code": "S105", "message": "1 words", "seen_at": WHEN}
        add(db, "seen_finding", **row)
    new = revision(db, 2, "One.", "Two boats.")
    carry_over(db, 1, 2)
    seen = [row[0] for row in db.execute("SELECT sentence_id FROM seen_finding ORDER BY 1")]
    assert seen == [*old, new[0]]


def test_a_second_decision_is_recorded_beside_the_first(db: sqlite3.Connection) -> None:
    (sentence,) = revision(db, 1, "One.")
    move(db, sentence, "accepted", "B. Lee")
    move(db, sentence, "accepted", "C. Roy")
    move(db, sentence, "rejected", "D. Kim", note="another image")
    names = [row[0] for row in db.execute("SELECT decided_by FROM decision ORDER BY id")]
    assert names == ["B. Lee", "C. Roy", "D. Kim"]


def test_a_revision_that_is_restored_is_new_again(db: sqlite3.Connection) -> None:
    old = revision(db, 1, "One.")
    new = revision(db, 2, "Two.")
    carry_over(db, 1, 2)
    restore(db, 2, 1)
    assert (state_of(db, old[0]), state_of(db, new[0])) == ("new", "replaced")


def test_a_restored_revision_gets_its_last_decision_again(db: sqlite3.Connection) -> None:
    texts = ("One.", "Two.", "Three.", "Four.", "Five.")
    old = revision(db, 1, *texts)
    for sentence in old:
        row = {"sentence_id": sentence, "code": "S105", "message": "1 words", "seen_at": WHEN}
        add(db, "seen_finding", **row)
    move(db, old[0], "sent back", "B. Lee", note="count", codes="S104")
    move(db, old[1], "rejected", "B. Lee", note="wrong image")
    move(db, old[2], "accepted", "B. Lee")
    new = revision(db, 2, "One boat.", "Two boats.", "Three boats.", "Four.", "Five.")
    carry_over(db, 1, 2)
    for sentence in (new[0], new[3]):
        move(db, sentence, "accepted", "C. Roy")
    assert changed_accepted(db, 2, 1) == [1]
    assert restore(db, 2, 1) == [1]
    # The words of the fourth sentence are those that were accepted.
    states = ["sent back", "rejected", "new", "accepted", "new"]
    assert [state_of(db, row) for row in old] == states
    assert [state_of(db, row) for row in new] == ["replaced"] * 5
    last = "SELECT decided_by, note, codes FROM decision WHERE sentence_id = ? ORDER BY id DESC"
    assert tuple(db.execute(last, (old[0],)).fetchone()) == ("B. Lee", "count", "S104")
    assert tuple(db.execute(last, (old[3],)).fetchone()) == ("C. Roy", "", "")
    seen = [row[0] for row in db.execute("SELECT sentence_id FROM seen_finding ORDER BY 1")]
    assert [row for row in seen if row in old] == old[3:], "the others are listed again"
    # Correcting it once more fulfils the request.
    revision(db, 3, "One ship.", "Two.", "Three.", "Four.", "Five.")
    assert carry_over(db, 1, 3) == 1


def test_a_restored_sentence_that_the_current_revision_does_not_have_is_new(
    db: sqlite3.Connection,
) -> None:
    old = revision(db, 1, "One.", "Two.")
    revision(db, 2, "One.")
    carry_over(db, 1, 2)
    assert restore(db, 2, 1) == []
    assert [state_of(db, row) for row in old] == ["new", "new"]


def test_a_restored_revision_is_corrected_as_the_one_that_was_current(
    db: sqlite3.Connection,
) -> None:
    (old,) = revision(db, 1, "One")
    (new,) = revision(db, 2, "One")
    carry_over(db, 1, 2)
    fixed = {"edit_distance": None, "codes": "S114", "tool": "t", "made_at": WHEN}
    record_correction(db, new, "One", "One.", **fixed)
    move(db, new, "accepted", "B. Lee")
    assert restore(db, 2, 1) == []
    assert state_of(db, old) == "accepted"
    text = db.execute("SELECT raw FROM sentence WHERE id = ?", (old,)).fetchone()["raw"]
    assert (text, written_text(db, old, text)) == ("One.", "One")


def test_a_sentence_that_was_kept_is_not_one_that_was_changed_unread(
    db: sqlite3.Connection,
) -> None:
    for sentence in revision(db, 1, "One.", "Two.", "Three."):
        move(db, sentence, "sent back", "B. Lee")
    revision(db, 2, "One.", "Two boats.", "")
    db.execute("UPDATE annotation SET updated_at = ? WHERE id = 2", (WHEN,))  # before the decisions
    assert changed_before_sent_back(db, 1, 2) == [2]


def test_accepted_sentences_that_were_changed_are_named(db: sqlite3.Connection) -> None:
    revision(db, 1, "Two boats.", "A pier.", "A crane.", state="accepted")
    revision(db, 2, "Two boats.", "A long pier.")
    assert changed_accepted(db, 1, 2) == [2, 3]
    revision(db, 3, "Two ships.")
    assert changed_accepted(db, 2, 3) == []  # nobody had accepted these
