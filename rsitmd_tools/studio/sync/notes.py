"""What a task says to its annotator: why a sentence was sent back, or that it was given away.

The open edition has no comments. A note is a field of the task's data which the page shows and
which names the person.
"""

from __future__ import annotations

from collections import defaultdict

from rsitmd_tools.dataset.naming import SentenceName
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.numbering import numbers_before

SENT_BACK_NOTE = "Sent back to "
GIVEN_AWAY = "This image was given to somebody else meanwhile: skip it."


def notes(workspace: Workspace, project: int) -> dict[int, str]:
    """Return the note of each task of a project (by row) that has one."""
    lines: dict[int, list[str]] = defaultdict(list)
    before = numbers_before(workspace)
    asked = workspace.settings.annotation.sentences_asked
    for row in workspace.db.execute(
        "SELECT task.id, annotation_id, sentence.slot, raw, annotator.email, annotator.name, ("
        "  SELECT note FROM decision WHERE sentence_id = sentence.id AND after = 'sent back'"
        "  ORDER BY decision.id DESC LIMIT 1) AS note"
        " FROM sentence JOIN annotation ON annotation.id = annotation_id"
        " JOIN task ON task.id = task_id JOIN annotator ON annotator.id = annotator_id"
        " WHERE task.project_id = ? AND state = 'sent back' AND latest AND ("
        # Sent back after its annotation was deleted on the server: its author writes anew.
        "  deleted_at IS NULL OR NOT EXISTS (SELECT 1 FROM annotation AS other"
        "   WHERE other.task_id = task.id AND other.annotator_id = annotation.annotator_id"
        "   AND other.latest AND other.deleted_at IS NULL))"
        " ORDER BY task.id, annotation.server_id, slot",
        (project,),
    ):
        who = f"{row['name']} ({row['email']})" if row["name"] else row["email"]
        number = before.get(row["annotation_id"], 0) + row["slot"]
        name = SentenceName(who, number, several=asked > 1 or number > 1)
        why = row["note"] or f"please write it{' again' if row['raw'] else ': it was left empty'}"
        lines[row["id"]].append(f"{SENT_BACK_NOTE}{name.label}: {why}")
    for row in workspace.db.execute(
        "SELECT task.id FROM task JOIN project ON project.id = project_id"
        " WHERE project.id = ? AND kind = 'main' AND project.annotator_id IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM assignment WHERE image_id = task.image_id"
        "  AND annotator_id = project.annotator_id)"
        " AND NOT EXISTS (SELECT 1 FROM annotation WHERE task_id = task.id"
        "  AND deleted_at IS NULL)",
        (project,),
    ):
        lines[row["id"]].append(GIVEN_AWAY)
    return {task: " / ".join(parts) for task, parts in lines.items()}
