"""Numbers of sentences as people read them: from 1, on the page of their annotator."""

from __future__ import annotations

from collections import defaultdict

from rsitmd_tools.workspace.store import Workspace


def numbers_before(workspace: Workspace) -> dict[int, int]:
    """Return how many numbers of its author's sentences stand before those of an annotation.

    A sentence has the number of its area on the page. Whoever has several annotations of one
    image, as the server allows in a shared project, has their sentences numbered on: so image,
    annotator and number name one sentence.

    Returns:
        By row of the annotation, for those that count; 0 for most.
    """
    asked = workspace.settings.annotation.sentences_asked
    last: dict[tuple[int, int, str], int] = defaultdict(int)
    before: dict[int, int] = {}
    for row in workspace.db.execute(
        "SELECT annotation.id, task.image_id, annotation.annotator_id, project.kind,"
        " (SELECT max(slot) FROM sentence WHERE annotation_id = annotation.id) AS slots"
        " FROM current_annotation AS annotation JOIN task ON task.id = task_id"
        " JOIN project ON project.id = project_id ORDER BY annotation.server_id, annotation.id"
    ):
        key = (row["image_id"], row["annotator_id"], row["kind"])
        before[row["id"]] = last[key]
        last[key] += max(asked, row["slots"] or 0)
    return before
