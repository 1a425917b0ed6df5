"""``annotate log``: everything that was ever written for an image, and decided about it."""

from __future__ import annotations

import json
from typing import Any

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.sync.results import parse_result
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.numbering import numbers_before


def history(workspace: Workspace, filename: str) -> dict[str, Any]:
    """Return the history of an image, oldest first.

    Keys: ``image``, ``assigned`` (addresses), ``revisions`` (each with ``annotator``,
    ``changed_by`` where that is somebody else, ``time``, ``seconds`` that the server
    measured, ``server_id``, ``project``, ``pilot``, ``latest``, ``deleted_at``,
    ``sentences``, ``keywords``, ``choice`` of a ranking) and ``skips``. A sentence has
    ``slot``, ``number`` (from 1, over all that its annotator wrote about the image), ``raw``
    ("" where it was left empty and sent back), ``state``, ``origin``, ``machine`` (the nearest
    text of a machine that was given), ``edit_distance`` from it, and its ``decisions``.

    Raises:
        RsitmdError: There is no such image.
    """
    db = workspace.db
    image = db.execute(
        "SELECT id, filename FROM image WHERE filename = ? OR filename = ?",
        (filename, f"{filename}.tif"),
    ).fetchone()
    if image is None:
        raise RsitmdError(
            "is no image of this workspace",
            where=filename,
            hint="give a name such as port_3.tif; the folder images/ holds them",
        )
    revisions = db.execute(
        "SELECT annotation.*, author.email, other.email AS other, project.server_id AS project,"
        " project.kind FROM annotation JOIN task ON task.id = task_id"
        " JOIN project ON project.id = project_id"
        " JOIN annotator AS author ON author.id = annotation.annotator_id"
        " LEFT JOIN annotator AS other ON other.id = updated_by AND updated_by <> author.id"
        " WHERE image_id = ? ORDER BY annotation.updated_at, annotation.id",
        (image["id"],),
    ).fetchall()
    assigned = db.execute(
        "SELECT email FROM assignment JOIN annotator ON annotator.id = annotator_id"
        " WHERE image_id = ? ORDER BY annotator.id",
        (image["id"],),
    )
    skips = db.execute(
        "SELECT email, skipped_at FROM skip JOIN task ON task.id = task_id"
        " JOIN annotator ON annotator.id = skip.annotator_id WHERE image_id = ?"
        " ORDER BY skipped_at",
        (image["id"],),
    )
    before = numbers_before(workspace)
    # Earlier revisions have the numbers of the one that counts now.
    first = {
        (r["task_id"], r["server_id"]): before.get(r["id"], 0) for r in revisions if r["latest"]
    }
    return {
        "image": image["filename"],
        "assigned": [row["email"] for row in assigned],
        "revisions": [
            {
                "annotator": row["email"],
                "changed_by": row["other"],
                "time": row["updated_at"],
                "seconds": row["lead_time"],
                "server_id": row["server_id"],
                "project": row["project"],
                "pilot": row["kind"] == "pilot",
                "latest": bool(row["latest"]),
                "deleted_at": row["deleted_at"],
                "sentences": _sentences(
                    workspace, row["id"], first.get((row["task_id"], row["server_id"]), 0)
                ),
                "keywords": [
                    entry["raw"]
                    for entry in db.execute(
                        "SELECT raw FROM keyword WHERE annotation_id = ? ORDER BY slot",
                        (row["id"],),
                    )
                ],
                "choice": parse_result(json.loads(row["result"])).choice,
            }
            for row in revisions
        ],
        "skips": [{"annotator": row["email"], "time": row["skipped_at"]} for row in skips],
    }


def _sentences(workspace: Workspace, annotation: int, before: int) -> list[dict[str, Any]]:
    sentences = workspace.db.execute(
        "SELECT * FROM sentence WHERE annotation_id = ? ORDER BY slot", (annotation,)
    ).fetchall()
    return [
        {
            "slot": row["slot"],
            "number": before + row["slot"],
            "raw": row["raw"],
            "state": row["state"],
            "origin": row["origin"],
            "machine": row["machine_raw"],
            "edit_distance": row["edit_distance"],
            "decisions": [
                {
                    "state": decision["after"],
                    "by": decision["decided_by"],
                    "time": decision["decided_at"],
                    "note": decision["note"],
                    "codes": decision["codes"].split(),
                }
                for decision in workspace.db.execute(
                    "SELECT * FROM decision WHERE sentence_id = ? ORDER BY id", (row["id"],)
                )
            ],
        }
        for row in sentences
    ]
