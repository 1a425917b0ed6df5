"""The licence of the annotators' text, and the annotators who accepted it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.errors import RsitmdError, command_line, reason
from rsitmd_tools.workspace.people import annotator_row
from rsitmd_tools.workspace.store import Workspace, utc_now

# Licences that can be named instead of a file.
TEXTS = {
    "CC-BY-4.0": (
        "I write my sentences and keywords myself, and I give them under the licence Creative"
        " Commons Attribution 4.0 International (CC BY 4.0),"
        " https://creativecommons.org/licenses/by/4.0/legalcode\n"
        "Everybody may copy, change and pass on my text, for money too, as long as they name the"
        " dataset and say what they changed. I cannot take this back.\n"
    ),
}
MAX_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence that annotators have to accept.

    Attributes:
        name: The value in the settings.
        text: The text that annotators read.
    """

    name: str
    text: str

    @property
    def sha256(self) -> str:
        """SHA-256 of the text in UTF-8. A different text is a different licence."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def licence_of(workspace: Workspace) -> Licence | None:
    """Return the licence of the settings, or None if they have none.

    Raises:
        RsitmdError: The setting is neither a known licence nor a readable text file in the
            workspace.
    """
    name = workspace.settings.annotation.licence
    if not name:
        return None
    if name in TEXTS:
        return Licence(name, TEXTS[name])
    file = workspace.path / name
    hint = f"set annotation.licence to a text file in the workspace or one of: {', '.join(TEXTS)}"
    if not file.resolve().is_relative_to(workspace.path.resolve()):
        raise RsitmdError("is outside of the workspace", where=file, hint=hint)
    try:
        data = file.read_bytes()
        text = data.decode("utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise RsitmdError(f"cannot be read ({reason(error)})", where=file, hint=hint) from error
    if not text.strip() or len(data) > MAX_BYTES:
        raise RsitmdError(f"is empty or larger than {MAX_BYTES} bytes", where=file, hint=hint)
    return Licence(name, text)


def record(
    workspace: Workspace, licence: Licence, annotator: int, when: str, recorded_by: str = ""
) -> bool:
    """Record that an annotator accepted a licence. Call it inside a transaction.

    Only the first acceptance is recorded.

    Args:
        workspace: The workspace.
        licence: The licence; its text is stored too.
        annotator: Row of table ``annotator``.
        when: ISO 8601, UTC.
        recorded_by: Who reported it; empty if the annotator accepted on the server.

    Returns:
        False if it was recorded before.
    """
    workspace.set_fact(f"licence.{licence.sha256}", licence.text)
    added = workspace.db.execute(
        "INSERT OR IGNORE INTO licence (annotator_id, name, text_sha256, accepted_at,"
        " recorded_by) VALUES (?, ?, ?, ?, ?)",
        (annotator, licence.name, licence.sha256, when, recorded_by),
    )
    return added.rowcount == 1


def accept(workspace: Workspace, email: str, recorded_by: str) -> bool:
    """Record that an annotator accepted the licence elsewhere, such as on paper.

    Returns:
        False if the annotator had accepted it before.

    Raises:
        RsitmdError: The settings have no licence, or no annotator has this address.
    """
    licence = licence_of(workspace)
    if licence is None:
        raise RsitmdError(
            "has no licence for annotators to accept",
            where=workspace.path / "rsitmd.toml",
            hint='set licence = "CC-BY-4.0" under [annotation]',
        )
    row = annotator_row(workspace.db, email)
    if row is None:
        raise RsitmdError(
            "is not an annotator of this campaign",
            where=email,
            hint="first run: " + command_line("annotate", "users", workspace.path, "add", email),
        )
    with workspace.transaction():
        return record(workspace, licence, row, utc_now(), recorded_by)


def accepted(workspace: Workspace, licence: Licence) -> dict[str, str]:
    """Return the time at which each annotator accepted a licence, by address."""
    rows = workspace.db.execute(
        "SELECT email, accepted_at FROM licence JOIN annotator ON annotator.id = annotator_id"
        " WHERE text_sha256 = ? ORDER BY accepted_at, email",
        (licence.sha256,),
    )
    return {row["email"]: row["accepted_at"] for row in rows}


def licence_state(workspace: Workspace) -> dict[str, Any] | None:
    """Return the annotators who accepted the licence of the settings, and who did not.

    Returns:
        None if the settings have no licence. Otherwise ``name``, ``sha256``, ``accepted``
        (addresses) and ``missing``: active annotators and authors who have not accepted it.
    """
    licence = licence_of(workspace)
    if licence is None:
        return None
    known = accepted(workspace, licence)
    bound = workspace.db.execute(
        "SELECT email FROM annotator WHERE (joined_at IS NOT NULL AND left_at IS NULL)"
        " OR id IN (SELECT annotation.annotator_id FROM current_annotation AS annotation"
        "  JOIN main_task ON main_task.id = task_id) ORDER BY id"
    )
    return {
        "name": licence.name,
        "sha256": licence.sha256,
        "accepted": list(known),
        "missing": [row["email"] for row in bound if row["email"] not in known],
    }
