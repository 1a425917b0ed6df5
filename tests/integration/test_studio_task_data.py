"""Notes, hints and keywords written to one task at the same moment: all of them stand."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.studio.sync.task_data import OtherTask, change_data
from rsitmd_tools.workspace import Workspace

if TYPE_CHECKING:
    from tests.integration.conftest import MakeWorkspace

pytestmark = pytest.mark.integration


def one_task(folder: Path) -> tuple[int, str, Path]:
    """Push one image; return its task's number and key and the folder ``studio/``."""
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        row = workspace.db.execute(
            "SELECT server_id, sha256 FROM task JOIN image ON image.id = image_id"
        ).fetchone()
        return int(row["server_id"]), str(row["sha256"]), workspace.studio


def test_concurrent_changes_do_not_overwrite_each_other(
    make_workspace: MakeWorkspace, client: Client
) -> None:
    task, key, studio = one_task(make_workspace(images=1))
    before = client.sdk.tasks.get(id=str(task)).data
    names = [f"writer {number}" for number in range(4)]

    def write(name: str) -> None:
        # One program's client each: what is tried here is between programs.
        own = Client(client.connection)
        for count in range(1, 4):

            def counted(data: Mapping[str, Any], count: int = count) -> dict[str, Any]:
                return {**data, name: count}

            assert change_data(own, studio, task, key, counted)

    threads = [threading.Thread(target=write, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = client.sdk.tasks.get(id=str(task)).data
    assert after == {**before, **dict.fromkeys(names, 3)}


def test_a_change_without_effect_is_not_sent(make_workspace: MakeWorkspace, client: Client) -> None:
    task, key, studio = one_task(make_workspace(images=1))
    before = client.sdk.tasks.get(id=str(task)).updated_at
    assert not change_data(client, studio, task, key, dict)
    assert not change_data(client, studio, task, key, lambda _: None)
    assert client.sdk.tasks.get(id=str(task)).updated_at == before
    with pytest.raises(OtherTask):
        change_data(client, studio, 10**9, key, dict)
