"""Corrections of sentences: the words of their annotators stay known."""

from __future__ import annotations

from pathlib import Path

from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.corrections import (
    record_correction,
    repeat_corrections,
    written_text,
    written_texts,
)
from tests.builders import WHEN, add, add_annotation


def test_the_words_before_the_first_of_several_corrections_are_the_annotators(
    tmp_path: Path,
) -> None:
    fixed = {"edit_distance": None, "codes": "S114", "tool": "t", "made_at": WHEN}
    with Workspace.create(tmp_path / "w") as workspace, workspace.transaction() as db:
        add(db, "annotator")
        add(db, "image")
        add(db, "project")
        add(db, "task", image_id=1)
        add_annotation(db, ["two boats", "A pier."], latest=0)
        record_correction(db, 1, "two boats", "Two boats", **fixed)
        record_correction(db, 1, "Two boats", "Two boats.", **fixed)
        assert written_text(db, 1, "Two boats.") == "two boats"
        assert written_texts(db) == {1: "two boats"}

        add_annotation(db, ["two boats"], server_id=2)  # sentence 3
        repeat_corrections(db, 1, 3)
        assert written_texts(db) == {1: "two boats", 3: "two boats"}
        made = db.execute("SELECT before, after FROM correction WHERE sentence_id = 3 ORDER BY id")
        assert [tuple(row) for row in made] == [
            ("two boats", "Two boats"),
            ("Two boats", "Two boats."),
        ]
        [text] = db.execute("SELECT raw FROM sentence WHERE id = 3").fetchone()
        assert text == "Two boats."
