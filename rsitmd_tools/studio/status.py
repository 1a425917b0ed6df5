"""``annotate status``: how far the campaign is."""

from __future__ import annotations

from typing import Any

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.client import connection_of
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images


def status(workspace: Workspace) -> dict[str, Any]:
    """Return the state of the campaign as of the last pull.

    Keys: ``url`` (None while no server runs), ``projects``, ``images``, ``tasks``,
    ``annotations``, ``annotators`` (annotations by email), ``complete`` (images that have
    all their sentences), ``sentences``, ``keywords``.
    """
    db = workspace.db
    images = merged_images(workspace)
    wanted = workspace.settings.annotation.sentences_per_image
    by_email = db.execute(
        "SELECT annotator.email, count(*) AS n FROM annotation"
        " JOIN annotator ON annotator.id = annotation.annotator_id"
        " WHERE latest AND deleted_at IS NULL GROUP BY annotator.id ORDER BY annotator.id"
    ).fetchall()
    projects = db.execute(
        "SELECT project.server_id, annotator.email FROM project"
        " LEFT JOIN annotator ON annotator.id = project.annotator_id ORDER BY project.id"
    ).fetchall()
    return {
        "url": _url(workspace),
        "projects": [{"id": row["server_id"], "annotator": row["email"]} for row in projects],
        "images": len(images),
        "tasks": db.execute("SELECT count(*) FROM task").fetchone()[0],
        "annotations": sum(row["n"] for row in by_email),
        "annotators": {row["email"]: row["n"] for row in by_email},
        "complete": sum(len(image.sentences) >= wanted for image in images),
        "sentences": sum(len(image.sentences) for image in images),
        "keywords": sum(len(image.keywords) for image in images),
    }


def _url(workspace: Workspace) -> str | None:
    try:
        return connection_of(workspace).url
    except RsitmdError:
        return None
