"""Admission of annotators: the lead's decisions, and whether there is a pilot."""

from __future__ import annotations

from rsitmd_tools.workspace.assignments import free_open_images
from rsitmd_tools.workspace.people import person_of, taking_part
from rsitmd_tools.workspace.store import Workspace, utc_now

ADMITTED = "admitted"
REFUSED = "refused"


def current_pilot(workspace: Workspace) -> int | None:
    """Return the row of the current pilot in table ``pilot``, or None."""
    row = workspace.db.execute("SELECT max(id) FROM pilot WHERE stopped_at IS NULL").fetchone()
    return None if row[0] is None else int(row[0])


def gone(workspace: Workspace) -> set[int]:
    """Return the annotators who get no images any more, as rows: they left or were refused."""
    rows = workspace.db.execute(
        "SELECT id FROM annotator WHERE left_at IS NOT NULL OR pilot = ?", (REFUSED,)
    )
    return {row["id"] for row in rows}


def admit_writers(workspace: Workspace) -> list[str]:
    """Admit annotators who annotated for the campaign before the pilot began: they are not new.

    It is recorded as a decision of ``pilot --start``. Annotations that were written before the
    pilot and pulled after its start count too.

    Returns:
        The addresses of the annotators who were admitted.
    """
    pilot = workspace.db.execute(
        "SELECT * FROM pilot WHERE id = ?", (current_pilot(workspace),)
    ).fetchone()
    if pilot is None:
        return []
    writers = {
        row["annotator_id"]
        for row in workspace.db.execute(
            "SELECT DISTINCT annotation.annotator_id FROM annotation"
            " JOIN main_task ON main_task.id = task_id WHERE annotation.created_at < ?",
            (pilot["started_at"],),
        )
    }
    found = [p for p in taking_part(workspace) if p.pilot is None and p.row in writers]
    decided_by = (
        f"pilot --start ({pilot['started_by']})" if pilot["started_by"] else "pilot --start"
    )
    for person in found:
        decide(workspace, person.email, ADMITTED, decided_by)
    return [person.email for person in found]


def decide(workspace: Workspace, email: str, decision: str, decided_by: str) -> int:
    """Record the decision to admit or refuse an annotator after the pilot, with its time.

    The open images of a refused annotator are freed.

    Args:
        workspace: The workspace, open for writing.
        email: Address of an active annotator.
        decision: :data:`ADMITTED` or :data:`REFUSED`.
        decided_by: Name of the lead.

    Returns:
        The number of images that were freed.

    Raises:
        RsitmdError: No active annotator has this address.
    """
    person = person_of(workspace, email)
    with workspace.transaction() as db:
        db.execute(
            "UPDATE annotator SET pilot = ?, pilot_by = ?, pilot_at = ? WHERE id = ?",
            (decision, decided_by, utc_now(), person.row),
        )
        return free_open_images(db, person.row) if decision == REFUSED else 0
