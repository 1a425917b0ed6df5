"""Changes of a project's labeling page on the server.

Every member can change the labeling configuration of a project. If a field was renamed, its texts
are read under its name on the configured labeling page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from xml.etree import ElementTree

from rsitmd_tools.studio.sync.fields import page_of
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.projects import ProjectRecord


def config_hash(config: str) -> str:
    """Return the SHA-256 of a labeling configuration, as the table ``project`` stores it."""
    return hashlib.sha256(config.encode()).hexdigest()


def page_changes(
    workspace: Workspace, project: ProjectRecord, config: str
) -> dict[str, str] | None:
    """Return how a project's labeling page was changed on the server.

    Args:
        workspace: The workspace.
        project: The project.
        config: The labeling configuration that the server has.

    Returns:
        The names of the renamed fields on the configured page, by their names on the server. None
        if the page is the one that was sent last, or the configured page.
    """
    if config_hash(config) == project.config:
        return None
    page = page_of(workspace)
    if config_hash(config) == config_hash(page):
        return None
    return renames(config, page) if project.config == config_hash(page) else {}


def renames(config: str, page: str) -> dict[str, str]:
    """Return the fields of a labeling page that have another name in a changed copy.

    Fields are compared by position. The result is empty if the copy has another number of
    fields, or fields with other tags.

    Args:
        config: The changed copy.
        page: The original page.

    Returns:
        The original names by the new names.
    """
    copied, own = _fields(config), _fields(page)
    if [tag for tag, _ in copied] != [tag for tag, _ in own]:
        return {}
    names = {name for _, name in own}
    return {
        new: old
        for (_, new), (_, old) in zip(copied, own, strict=True)
        if new != old and new not in names
    }


def remember_renamed(workspace: Workspace, project: int, renamed: Mapping[str, str]) -> None:
    """Store the fields of a project (row) that were renamed on the server."""
    known = renamed_fields(workspace, project)
    if any(known.get(new) != old for new, old in renamed.items()):
        with workspace.transaction():
            workspace.set_fact(_fact(project), json.dumps({**known, **renamed}))


def renamed_fields(workspace: Workspace, project: int) -> dict[str, str]:
    """Return all fields of a project (row) that have ever been renamed on the server."""
    known: dict[str, str] = json.loads(workspace.fact(_fact(project)) or "{}")
    return known


def _fact(project: int) -> str:
    return f"renamed.{project}"


def _fields(config: str) -> list[tuple[str, str]]:
    """Return tag and name of the fields in which annotators write or choose."""
    try:
        page = ElementTree.fromstring(config)  # noqa: S314 - expat expands no external entity
    except ElementTree.ParseError:
        return []
    return [(part.tag, part.get("name", "")) for part in page.iter() if part.get("toName")]
