"""Changes of a project's labeling page on the server.

Every member can change the labeling configuration of a project. If a field was renamed, its texts
are read under its name on the configured labeling page.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Hashable, Mapping
from xml.etree import ElementTree

from rsitmd_tools.studio.sync.fields import page_of
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.projects import ProjectRecord

Fields = Mapping[str, ElementTree.Element]


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

    The fields that only one of the pages has are compared: first those with the same tag and
    attributes, then those with the same tag after the same field. In each of these groups, both
    pages must have the same number of fields; they belong together in their order.

    Args:
        config: The changed copy.
        page: The original page.

    Returns:
        The original names by the new names.
    """
    copied, own = _fields(config), _fields(page)
    known = {name: name for name in copied if name in own}
    for group in (_by_look, _by_place):
        there = group(copied, known)
        here = group(own, {name: name for name in known.values()})
        for key in there.keys() & here.keys():
            if len(there[key]) == len(here[key]):
                known |= zip(there[key], here[key], strict=True)
    return {new: old for new, old in known.items() if new != old}


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


def _fields(config: str) -> dict[str, ElementTree.Element]:
    """Return the fields in which annotators write or choose, by name."""
    try:
        page = ElementTree.fromstring(config)  # noqa: S314 - expat expands no external entity
    except ElementTree.ParseError:
        return {}
    return {part.get("name", ""): part for part in page.iter() if part.get("toName")}


def _by_look(fields: Fields, known: Mapping[str, str]) -> dict[Hashable, list[str]]:
    """Return the names of the unknown fields by their tag and their other attributes."""
    groups: dict[Hashable, list[str]] = defaultdict(list)
    for name, part in fields.items():
        if name not in known:
            attributes = {**part.attrib, "name": ""}
            groups[part.tag, frozenset(attributes.items())].append(name)
    return groups


def _by_place(fields: Fields, known: Mapping[str, str]) -> dict[Hashable, list[str]]:
    """Return the names of the unknown fields by their tag and the known field before them."""
    groups: dict[Hashable, list[str]] = defaultdict(list)
    before = ""
    for name, part in fields.items():
        if name in known:
            before = known[name]
        else:
            groups[part.tag, before].append(name)
    return groups
