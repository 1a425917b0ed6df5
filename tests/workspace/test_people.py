"""Addresses of annotators: the server stores them in lower case."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import add_annotator, join, leave, members, person_of


def test_an_address_in_other_letters_is_the_same_annotator(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        assert join(workspace, "Berta@Example.org")
        with workspace.transaction() as db:
            row = add_annotator(db, "berta@example.org", "Berta")  # the account on the server
        (member,) = members(workspace)
        assert (member.email, member.name, member.active) == ("berta@example.org", "Berta", True)
        assert person_of(workspace, "BERTA@example.org").row == row
        assert not join(workspace, "Berta@Example.org")
        leave(workspace, "Berta@example.org")
        with pytest.raises(RsitmdError, match=r"; to add annotators, run: rsitmd .*/w add"):
            person_of(workspace, "berta@example.org")
        assert join(workspace, "BERTA@EXAMPLE.ORG")
        assert len(members(workspace)) == 1
