"""The licence of annotators' text: which one, recorded once, who lacks it."""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from pathlib import Path

import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.workspace import Workspace, schema
from rsitmd_tools.workspace.licence import (
    TEXTS,
    accept,
    accepted,
    licence_of,
    licence_state,
    record,
)
from rsitmd_tools.workspace.store import utc_now
from tests.builders import add


def workspace(folder: Path, licence: str) -> Workspace:
    Workspace.create(folder).close()
    (folder / "rsitmd.toml").write_text(f"[annotation]\nlicence = '{licence}'\n", encoding="utf-8")
    made = Workspace.open(folder, write=True)
    with made.transaction() as db:
        for email, left in (("anna@x.org", None), ("berta@x.org", None), ("carl@x.org", utc_now())):
            add(db, "annotator", email=email, joined_at=utc_now(), left_at=left)
    return made


def test_a_new_workspace_has_no_licence(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as made:
        assert licence_of(made) is None
        assert licence_state(made) is None
        with pytest.raises(RsitmdError, match="has no licence for annotators to accept"):
            accept(made, "anna@x.org", "Lee")


def test_a_file_of_the_workspace_is_a_licence(tmp_path: Path) -> None:
    with workspace(tmp_path / "w", "terms.txt") as made:
        with pytest.raises(RsitmdError, match=r"terms\.txt: cannot be read"):
            licence_of(made)
        (made.path / "terms.txt").write_bytes(b"Yours.\r\nForever.\n")
        found = licence_of(made)
        assert found is not None
        assert (found.name, found.text) == ("terms.txt", "Yours.\nForever.\n")
        assert found.sha256 == hashlib.sha256(b"Yours.\nForever.\n").hexdigest()


@pytest.mark.parametrize("text", [b"", b" \n", b"\xff\xfe", b"x" * 100_001])
def test_a_file_that_is_not_text_is_refused(tmp_path: Path, text: bytes) -> None:
    with workspace(tmp_path / "w", "terms.txt") as made:
        (made.path / "terms.txt").write_bytes(text)
        with pytest.raises(RsitmdError, match=r"annotation\.licence"):
            licence_of(made)


@pytest.mark.parametrize("name", ["../terms.txt", "link.txt"])
def test_no_file_outside_the_workspace_is_shown(tmp_path: Path, name: str) -> None:
    (tmp_path / "terms.txt").write_text("A secret.", encoding="utf-8")
    with workspace(tmp_path / "w", name) as made:
        (made.path / "link.txt").symlink_to(tmp_path / "terms.txt")
        with pytest.raises(RsitmdError, match="outside of the workspace"):
            licence_of(made)


def test_the_first_time_counts_and_the_text_is_kept(tmp_path: Path) -> None:
    with workspace(tmp_path / "w", "CC-BY-4.0") as made:
        found = licence_of(made)
        assert found is not None
        with made.transaction():
            assert record(made, found, 1, "2026-01-01T00:00:00+00:00")
            assert not record(made, found, 1, "2026-02-01T00:00:00+00:00")
        assert not accept(made, "anna@x.org", "Lee")
        assert accept(made, "berta@x.org", "Lee")
        rows = made.db.execute("SELECT name, text_sha256, recorded_by FROM licence").fetchall()
        assert [tuple(row) for row in rows] == [
            ("CC-BY-4.0", found.sha256, ""),
            ("CC-BY-4.0", found.sha256, "Lee"),
        ]
        assert made.fact(f"licence.{found.sha256}") == TEXTS["CC-BY-4.0"]
        assert accepted(made, found)["anna@x.org"] == "2026-01-01T00:00:00+00:00"
        with pytest.raises(RsitmdError, match=r"; first run: rsitmd .* add nobody@x.org"):
            accept(made, "nobody@x.org", "Lee")


def test_a_changed_licence_needs_new_consent_except_from_those_who_left(tmp_path: Path) -> None:
    with workspace(tmp_path / "w", "terms.txt") as made:
        (made.path / "terms.txt").write_text("One.", encoding="utf-8")
        accept(made, "anna@x.org", "Lee")
        state = licence_state(made)
        assert state is not None
        assert (state["accepted"], state["missing"]) == (["anna@x.org"], ["berta@x.org"])
        (made.path / "terms.txt").write_text("Two.", encoding="utf-8")
        state = licence_state(made)
        assert state is not None
        assert (state["accepted"], state["missing"]) == ([], ["anna@x.org", "berta@x.org"])


def test_an_older_workspace_gets_the_column(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.db") as db:
        steps = itertools.takewhile(lambda step: "recorded_by" not in step, schema.MIGRATIONS)
        for number, step in enumerate(steps, 1):
            db.executescript(f"{step}; PRAGMA user_version = {number};")
        add(db, "annotator", email="anna@x.org")
        db.execute("INSERT INTO licence VALUES (1, 'n', 's', 't')")
        schema.migrate(db, "old.db")
        assert db.execute("SELECT recorded_by FROM licence").fetchone() == ("",)
    db.close()
