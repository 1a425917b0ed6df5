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
    move_projects,
    open_main_projects,
    open_projects,
    projects_of,
    update_project,
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


def made(server: str, number: int, created_at: str) -> ServerProject:
    return ServerProject(server, number, "captioning", "", created_at)


def test_a_number_that_a_restored_server_gives_again_belongs_to_the_new_project(
    tmp_path: Path,
) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        with workspace.transaction() as db:
            for number in (1, 2, 3):
                add_project(db, made("a", number, f"day {number}"), None, MAIN, None)
            add_project(db, made("a", 2, "day 4"), None, MAIN, None)
            update_project(db, 1, made("a", 3, "day 5"))
        known = {p.row: (p.number, p.created_at) for p in projects_of(workspace.db, "a")}
        assert known == {1: (3, "day 5"), 2: (-2, "day 2"), 3: (-3, "day 3"), 4: (2, "day 4")}


def test_only_the_projects_of_a_server_follow_it_to_a_new_address(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        with workspace.transaction() as db:
            add_project(db, made("old", 1, "day 1"), None, MAIN, None)
            mark_project_closed(db, 1)
            add_project(db, made("old", 2, "day 2"), None, MAIN, None)
            add_project(db, made("new", 1, "day 3"), None, MAIN, None)
            move_projects(db, "new", {(1, "day 1"), (2, "day 4")})
        assert [(p.row, p.number) for p in projects_of(workspace.db, "new")] == [(1, 1), (3, -3)]
        assert [p.row for p in projects_of(workspace.db, "old")] == [2]
