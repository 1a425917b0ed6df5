"""The stored connection of a workspace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.studio.api.connection import (
    Connection,
    checked_url,
    connection_of,
    save_connection,
)
from rsitmd_tools.studio.api.running import Running, take_lock, write_state
from rsitmd_tools.studio.api.secrets import make_secrets
from rsitmd_tools.workspace import Workspace

SAVED = Connection("key", "https://label.example.org", "0123abc-_.", "upload")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "w") as made:
        save_connection(made, SAVED)
        yield made


def test_a_saved_connection_is_read(workspace: Workspace) -> None:
    assert connection_of(workspace) == SAVED


@pytest.mark.parametrize("token", ["caf\u00e9", "two\nlines", "two words", "", None, 7])
def test_a_token_that_no_request_can_carry_is_malformed(workspace: Workspace, token: Any) -> None:
    file = workspace.studio / "connection.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "token": token}))
    with pytest.raises(RsitmdError, match=r"connection.json: is malformed; to connect again, run"):
        connection_of(workspace)


def test_the_url_of_a_server_has_no_space_and_no_slash_at_its_end() -> None:
    assert checked_url(" http://127.0.0.1:8080 ") == "http://127.0.0.1:8080"
    assert checked_url("HTTPS://label.example.org/studio/\n") == "https://label.example.org/studio"


@pytest.mark.parametrize(
    "url",
    [
        "label.example.org",
        "ftp://x",
        "http://",
        "http://[::1",
        "http://label.example .org",
        "http://127.0.0.1:port",
        "http://127.0.0.1:8080/projects?page=1",
        "http://127.0.0.1:8080#tab",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(WrongUsage, match="not the URL of a server"):
        checked_url(url)


def test_a_workspace_that_was_moved_while_its_server_runs_is_reported(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    with Workspace.create(before) as workspace:
        token = make_secrets(workspace.studio).token
        lock = take_lock(workspace.studio)
        assert lock is not None
        write_state(workspace.studio, Running("http://127.0.0.1:1", folder=str(before)))
        assert connection_of(workspace).token == token
    before.rename(after)
    with (
        lock,
        Workspace.open(after) as workspace,
        pytest.raises(RsitmdError, match=r"moved from .*before while its server runs; stop"),
    ):
        connection_of(workspace)
