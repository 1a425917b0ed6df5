"""A campaign that is reviewed: its settings, a vague sentence, and the tasks of a person."""

from __future__ import annotations

from rsitmd_tools.workspace import Workspace

SETTINGS = "[annotation]\nannotators_per_image = 2\nkeywords_min = 0\n"
VAGUE = "There are some ships in the harbour near many houses."


def tasks_of(workspace: Workspace, email: str) -> list[tuple[int, int]]:
    """Return ``(task, project)`` of a person, by image."""
    return [
        (row[0], row[1])
        for row in workspace.db.execute(
            "SELECT task.server_id, project.server_id FROM task"
            " JOIN project ON project.id = project_id JOIN image ON image.id = image_id"
            " JOIN annotator ON annotator.id = project.annotator_id WHERE email = ?"
            " ORDER BY image.number",
            (email,),
        )
    ]
