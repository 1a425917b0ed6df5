"""How a server reads the images."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import LOCAL
from rsitmd_tools.studio.sync.delivery import open_folder
from rsitmd_tools.workspace import Workspace


def test_a_server_that_reads_no_folders_is_an_error_with_both_settings(tmp_path: Path) -> None:
    def call(function: str, **arguments: Any) -> list[Any]:
        if function == "list":
            return []
        raise RsitmdError("the server answered 400")

    local = SimpleNamespace(list="list", create="create")
    client = SimpleNamespace(
        connection=SimpleNamespace(images=LOCAL),
        sdk=SimpleNamespace(import_storage=SimpleNamespace(local=local)),
        call=call,
    )
    with Workspace.create(tmp_path / "w") as workspace, pytest.raises(RsitmdError) as refused:
        open_folder(workspace, cast("Client", client), 1)
    assert "the server cannot read the images from this folder" in str(refused.value)
    for setting in ("SERVING_ENABLED=true", "DOCUMENT_ROOT"):
        assert f"LABEL_STUDIO_LOCAL_FILES_{setting}" in str(refused.value)
