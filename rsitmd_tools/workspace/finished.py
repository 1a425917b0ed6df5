"""Which annotations do the work that the settings ask for.

After the labeling page was changed to one with other work, such as from ``captioning`` to
``ranking``, the annotations of the page before are kept, but their images are to be annotated
again. Which page is configured is not in the database, so the views are temporary: they belong to
one connection.
"""

from __future__ import annotations

import sqlite3

from rsitmd_tools.annotation_templates import CAPTIONING, CORRECTION, KEYWORDS, RANKING_PAGE

# The pages whose annotations do not do the work of a page.
_OTHER_WORK = {
    CAPTIONING: (KEYWORDS, RANKING_PAGE),
    CORRECTION: (CAPTIONING, KEYWORDS, RANKING_PAGE),
    KEYWORDS: (RANKING_PAGE,),
    RANKING_PAGE: (CAPTIONING, CORRECTION, KEYWORDS),
}


def create_views(db: sqlite3.Connection, page: str) -> None:
    """Create the views ``finished_annotation`` and ``open_assignment`` of a connection.

    ``finished_annotation`` has the current annotations of the main projects that do the work of
    the configured page. ``open_assignment`` has the assignments that their annotators have not
    done yet; it takes the place of the stored view, which does not know the page.

    Args:
        db: The workspace's database.
        page: The included labeling page that the configured page is or works like. All annotations
            do the work of an unknown page, which a push refuses.
    """
    others = ", ".join(f"'{other}'" for other in _OTHER_WORK.get(page, ()))
    db.execute(
        "CREATE TEMP VIEW finished_annotation AS"
        " SELECT annotation.*, main_task.image_id, main_task.closed_at"
        " FROM current_annotation AS annotation JOIN main_task ON main_task.id = task_id"
        f" WHERE whole AND template NOT IN ({others})"
    )
    db.execute(
        "CREATE TEMP VIEW open_assignment AS SELECT assignment.* FROM assignment"
        " WHERE image_id NOT IN (SELECT image_id FROM removed_image) AND NOT EXISTS ("
        "  SELECT 1 FROM finished_annotation AS annotation"
        "  WHERE annotation.image_id = assignment.image_id"
        "  AND annotation.annotator_id = assignment.annotator_id)"
    )
