"""URLs of tasks: only of the current server."""

from __future__ import annotations

from pathlib import Path

from rsitmd_tools.cli.root import _run
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.studio.api.connection import Connection, save_connection
from rsitmd_tools.studio.api.links import task_links
from rsitmd_tools.studio.api.running import Running, take_lock, write_state
from rsitmd_tools.studio.api.secrets import make_secrets
from rsitmd_tools.workspace import Workspace
from tests.builders import add
from tests.release.conftest import add_image


def fill(workspace: Workspace, server: str) -> Dataset:
    """Add an image that is task 3 of project 7 on a server; return the dataset."""
    with workspace.transaction() as db:
        add(db, "project", id=1, server=server, server_id=7)
        for number in range(5):
            add(db, "annotator", email=f"p{number}@x.org")
    add_image(workspace, 3, 4, "train")
    return load_dataset(workspace.path)


def test_a_workspace_links_to_the_task(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    with Workspace.create(folder) as workspace:
        data = fill(workspace, "here")
        assert task_links(data) == {}, "no server is known"
        save_connection(workspace, Connection("here", "https://label.example.org", "secret"))
    assert task_links(data) == {"farm_2.tif": "https://label.example.org/projects/7/data?task=3"}
    page = folder / "findings.html"
    _run(["validate", str(folder), "--format", "html", "-o", str(page)], False)
    text = page.read_text(encoding="utf-8")
    assert 'href="https://label.example.org/projects/7/data?task=3"' in text
    assert "secret" not in text
    # Connected elsewhere since: its task 3 is another one.
    with Workspace.open(folder) as workspace:
        save_connection(workspace, Connection("there", "https://other.example.org", "secret"))
    assert task_links(data) == {}


def test_a_workspace_served_here_links_to_its_own_server(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    with Workspace.create(folder) as workspace:
        data = fill(workspace, make_secrets(workspace.studio).server)
        studio = workspace.studio
    lock = take_lock(studio)
    assert lock is not None
    with lock:
        write_state(studio, Running("http://127.0.0.1:8092"))
        assert task_links(data) == {"farm_2.tif": "http://127.0.0.1:8092/projects/7/data?task=3"}
        write_state(studio, Running("http://127.0.0.1:8092", "https://label.example.org"))
        assert task_links(data) == {
            "farm_2.tif": "https://label.example.org/projects/7/data?task=3"
        }
    assert task_links(data) == {}, "it runs no more"
