"""Webhook events of the server: which annotations were created, changed or deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

CHANGED = ("ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED")
DELETED = "ANNOTATIONS_DELETED"


class Announcement(NamedTuple):
    """Tasks and annotations that must be read from the server.

    Attributes:
        tasks: Numbers of tasks.
        annotations: Numbers of annotations.
    """

    tasks: frozenset[int] = frozenset()
    annotations: frozenset[int] = frozenset()


def read_announcement(document: Mapping[str, Any]) -> Announcement | None:
    """Parse a webhook event; return None if it is malformed.

    Only numbers are read from its content. For other events, such as a change of the project, the
    result is empty.
    """
    action = document.get("action")
    if not isinstance(action, str):
        return None
    if action not in (*CHANGED, DELETED):
        return Announcement()
    try:
        annotations = list(_entries(document, "annotation"))
        tasks = list(_entries(document, "task"))
        numbers = {_number(entry["id"]) for entry in annotations}
        # In a list, each annotation has the number of its task.
        named = {_number(entry["task"]) for entry in annotations if entry.get("task") is not None}
        named |= {_number(entry["id"]) for entry in tasks}
    except (KeyError, TypeError):
        return None
    if not numbers or not (named or action == DELETED):
        return None
    return Announcement(frozenset(named), frozenset(numbers))


def _entries(document: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the entry ``name`` and the entries of the list with its plural name."""
    several = document.get(f"{name}s")
    one = document.get(name)
    for entry in [*([] if one is None else [one]), *([] if several is None else several)]:
        if not isinstance(entry, dict):
            raise TypeError
        yield entry


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
        raise TypeError
    return value
