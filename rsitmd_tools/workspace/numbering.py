"""Numbers of sentences in reports: from 1, in the order of the annotator's labeling page."""

from __future__ import annotations

from collections import defaultdict

from rsitmd_tools.workspace.store import Workspace


def numbers_before(workspace: Workspace) -> dict[int, int]:
    """Return the offset of the sentence numbers of each annotation.

    The number of a sentence is that of its text area on the labeling page. If an annotator has
    several annotations of one image, which the server allows in a shared project, the numbers
    continue. So image, annotator and number identify a sentence. An annotation of a page with other
    work, such as a ranking, has only the numbers of the sentences that it has.

    Returns:
        Offset by row of the annotation, for current annotations; usually 0.
    """
    requested = workspace.settings.annotation.sentences_asked
    last: dict[tuple[int, int, str], int] = defaultdict(int)
    before: dict[int, int] = {}
    for row in workspace.db.execute(
        "SELECT annotation.id, task.image_id, annotation.annotator_id, project.kind,"
        " (SELECT max(slot) FROM sentence WHERE annotation_id = annotation.id) AS slots,"
        " kind = 'main' AND whole"
        " AND annotation.id NOT IN (SELECT id FROM finished_annotation) AS other_work"
        " FROM current_annotation AS annotation JOIN task ON task.id = task_id"
        " JOIN project ON project.id = project_id ORDER BY annotation.server_id, annotation.id"
    ):
        key = (row["image_id"], row["annotator_id"], row["kind"])
        before[row["id"]] = last[key]
        last[key] += max(0 if row["other_work"] else requested, row["slots"] or 0)
    return before
