"""How a server reads the images."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import LOCAL
from rsitmd_tools.studio.sync.delivery import follow_folder, open_folder
from rsitmd_tools.workspace import Workspace
from tests.builders import WHEN, add


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


def test_all_projects_read_the_folder_of_a_workspace_that_was_moved(tmp_path: Path) -> None:
    folders: dict[int, list[str]] = {1: ["/before"], 2: ["/before"]}

    def create(project: int, path: str, **options: Any) -> None:
        folders[project].append(path)

    local = SimpleNamespace(
        list=lambda project: [SimpleNamespace(path=path) for path in folders[project]],
        create=create,
    )
    listed = [SimpleNamespace(id=number, created_at=WHEN) for number in folders]
    client = SimpleNamespace(
        connection=SimpleNamespace(images=LOCAL, key="here"),
        sdk=SimpleNamespace(
            import_storage=SimpleNamespace(local=local),
            projects=SimpleNamespace(list=lambda **options: listed),
        ),
        call=lambda function, safe=True, **arguments: function(**arguments),
    )
    with Workspace.create(tmp_path / "w") as workspace:
        with workspace.transaction() as db:
            for number in (1, 2, 3):  # the third was deleted on the server
                add(db, "project", id=number)
        assert follow_folder(workspace, cast("Client", client)) == 2
        assert follow_folder(workspace, cast("Client", client)) == 0
    now = str(tmp_path.resolve() / "w" / "renditions" / "images")
    assert folders == {1: ["/before", now], 2: ["/before", now]}
