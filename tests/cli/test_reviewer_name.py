"""The name of a reviewer where the operating system knows none."""

from __future__ import annotations

import getpass

import pytest

from rsitmd_tools.cli.options import reviewer_name
from rsitmd_tools.errors import WrongUsage


def test_a_user_without_a_name_is_asked_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", unknown)
    with pytest.raises(WrongUsage, match="your user name is unknown") as refused:
        reviewer_name(None)
    assert refused.value.hint == "use --reviewer NAME"
    assert reviewer_name("B. Lee") == "B. Lee"


def test_a_blank_name_is_refused() -> None:
    with pytest.raises(WrongUsage, match="--reviewer is blank"):
        reviewer_name(" ")
