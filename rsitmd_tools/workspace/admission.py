"""Who is let in: decisions about people, and whether a pilot runs."""

from __future__ import annotations

from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import person_of, taking_part
from rsitmd_tools.workspace.store import utc_now

ADMITTED = "admitted"
REFUSED = "refused"


def current_pilot(workspace: Workspace) -> int | None:
    """Return the number of the pilot that runs; None where there is none."""
    row = workspace.db.execute("SELECT max(id) FROM pilot WHERE stopped_at IS NULL").fetchone()
    return None if row[0] is None else int(row[0])


def admit_writers(workspace: Workspace) -> list[str]:
    """Let in whoever wrote for the campaign before the pilot began: they are not new.

    It is recorded as a decision of ``pilot --start``. What was written before and pulled later
    counts too.

    Returns:
        Who is let in by this.
    """
    pilot = workspace.db.execute(
        "SELECT * FROM pilot WHERE id = ?", (current_pilot(workspace),)
    ).fetchone()
    if pilot is None:
        return []
    wrote = {
        row["annotator_id"]
        for row in workspace.db.execute(
            "SELECT DISTINCT annotation.annotator_id FROM annotation"
            " JOIN task ON task.id = task_id JOIN project ON project.id = project_id"
            " WHERE kind = 'main' AND annotation.created_at < ?",
            (pilot["started_at"],),
        )
    }
    found = [p for p in taking_part(workspace) if p.pilot is None and p.row in wrote]
    by = f"pilot --start ({pilot['started_by']})" if pilot["started_by"] else "pilot --start"
    for person in found:
        decide(workspace, person.email, ADMITTED, by)
    return [person.email for person in found]


def decide(workspace: Workspace, email: str, decision: str, decided_by: str) -> None:
    """Let somebody in after the pilot, or not; who decided it is recorded with the time.

    Raises:
        RsitmdError: Nobody of that address takes part.
    """
    person = person_of(workspace, email)
    with workspace.transaction() as db:
        db.execute(
            "UPDATE annotator SET pilot = ?, pilot_by = ?, pilot_at = ? WHERE id = ?",
            (decision, decided_by, utc_now(), person.row),
        )
