"""The stored connection of a workspace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.connection import Connection, connection_of, save_connection
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
