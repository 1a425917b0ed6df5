"""Which projects are open, and on which server."""

from __future__ import annotations

from pathlib import Path

from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import add_annotator
from rsitmd_tools.workspace.projects import (
    MAIN,
    PILOT,
    ServerProject,
    add_project,
    last_server,
    mark_project_closed,
    open_main_projects,
    open_projects,
)


def test_closed_projects_and_those_of_other_servers_do_not_count(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        assert last_server(workspace.db, "") is None
        with workspace.transaction() as db:
            anna = add_annotator(db, "anna@x.org", "Anna")
            kinds = {1: MAIN, 2: PILOT, 3: MAIN, 4: MAIN}
            rows = [
                add_project(
                    db,
                    ServerProject(
                        "b" if number == 4 else "a", number, "captioning", "", str(number)
                    ),
                    anna,
                    kind,
                    None,
                )
                for number, kind in kinds.items()
            ]
            mark_project_closed(db, rows[2])
        assert [p.number for p in open_projects(workspace.db, "a")] == [1, 2]
        assert [(p.number, p.owner) for p in open_main_projects(workspace.db)] == [
            (1, anna),
            (4, anna),
        ]
        assert last_server(workspace.db, "") == "b"
        assert last_server(workspace.db, "a") == "a"
