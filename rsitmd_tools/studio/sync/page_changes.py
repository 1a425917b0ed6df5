"""Changes that somebody made to a project's page on the server.

Every member can change the labeling configuration of a project. Texts in a renamed field are
still read, under the name that the field has on the page of the settings.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from xml.etree import ElementTree

from rsitmd_tools.studio.sync.fields import page_of
from rsitmd_tools.workspace import Workspace


def config_hash(config: str) -> str:
    """Return the hash by which table ``project`` knows a labeling configuration."""
    return hashlib.sha256(config.encode()).hexdigest()


def page_changes(workspace: Workspace, project: sqlite3.Row, config: str) -> dict[str, str] | None:
    """Say what somebody changed in a project's page.

    Args:
        workspace: The workspace.
        project: The project's row.
        config: The labeling configuration that the server has.

    Returns:
        The fields that were renamed: the name on the server, and the name in the settings'
        page. None where the page is the one that was sent, or the one of the settings.
    """
    if config_hash(config) == project["config"]:
        return None
    page = page_of(workspace)
    if config_hash(config) == config_hash(page):
        return None
    return renames(config, page) if project["config"] == config_hash(page) else {}


def renames(config: str, page: str) -> dict[str, str]:
    """Return which fields of a page have another name in a changed copy of it.

    Fields are compared by their places. Where the copy has more or fewer fields, or fields of
    other kinds, nothing can be said and the answer is empty.

    Args:
        config: The copy.
        page: The page.
    """
    there, own = _fields(config), _fields(page)
    if [tag for tag, _ in there] != [tag for tag, _ in own]:
        return {}
    names = {name for _, name in own}
    return {
        new: old
        for (_, new), (_, old) in zip(there, own, strict=True)
        if new != old and new not in names
    }


def remember_renamed(workspace: Workspace, project: int, renamed: Mapping[str, str]) -> None:
    """Keep the fields of a project (by row) that were renamed on the server."""
    known = renamed_fields(workspace, project)
    if any(known.get(new) != old for new, old in renamed.items()):
        with workspace.transaction():
            workspace.set_fact(_fact(project), json.dumps({**known, **renamed}))


def renamed_fields(workspace: Workspace, project: int) -> dict[str, str]:
    """Return the fields of a project (by row) that were ever renamed on the server."""
    known: dict[str, str] = json.loads(workspace.fact(_fact(project)) or "{}")
    return known


def _fact(project: int) -> str:
    return f"renamed.{project}"


def _fields(config: str) -> list[tuple[str, str]]:
    """Return tag and name of the fields in which people write or choose."""
    try:
        page = ElementTree.fromstring(config)  # noqa: S314 - expat expands no external entity
    except ElementTree.ParseError:
        return []
    return [(part.tag, part.get("name", "")) for part in page.iter() if part.get("toName")]
