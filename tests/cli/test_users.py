"""``annotate users``: the addresses it accepts, and the list beside another command."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from rsitmd_tools.cli.annotate.users import command
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import members


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Workspace.create(tmp_path / "w"):
        pass
    return tmp_path / "w"


def add(folder: Path, *addresses: str) -> list[str]:
    """Add annotators; return the addresses of all."""
    CliRunner().invoke(command, [str(folder), "add", *addresses], catch_exceptions=False)
    with Workspace.open(folder) as workspace:
        return [member.email for member in members(workspace)]


def test_space_around_an_address_is_ignored(folder: Path) -> None:
    assert add(folder, " anna@example.org", "berta@localhost\u00a0") == [
        "anna@example.org",
        "berta@localhost",
    ]
    assert len(add(folder, "anna@example.org ")) == 2


@pytest.mark.parametrize(
    "text",
    ["anna", "a@b@c", "anna@example.org,", "q@x.org;", "<n@x.org>", "\ufeffz@x.org",
     "e\u200b@x.org", "a b@x.org", "@x.org", "a@", ""],
)  # fmt: skip
def test_what_is_not_one_address_is_refused_and_nobody_is_added(folder: Path, text: str) -> None:
    with pytest.raises(WrongUsage, match="not an email address"):
        add(folder, "anna@example.org", text)
    with Workspace.open(folder) as workspace:
        assert members(workspace) == []


def test_the_list_is_printed_while_another_command_writes(folder: Path) -> None:
    add(folder, "anna@example.org")
    with Workspace.open(folder, write=True):
        listed = CliRunner().invoke(command, [str(folder)], catch_exceptions=False)
        with pytest.raises(RsitmdError, match="another command is writing"):
            add(folder, "berta@example.org")
    assert listed.exit_code == 0
    assert listed.stdout.startswith("anna@example.org: active")
    assert "warning: the list does not show accounts that were created" in listed.stderr
    assert "another command is writing to this workspace" in listed.stderr
