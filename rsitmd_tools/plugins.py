"""Extensions from other installed packages, found by entry points.

A package declares what it adds in its ``pyproject.toml``::

    [project.entry-points."rsitmd_tools.rules"]
    my-rules = "my_package.rules"

See ``docs/extending.md`` for the groups and a complete package.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Container
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from rsitmd_tools.errors import reason

FORMATS = "rsitmd_tools.formats"
RULES = "rsitmd_tools.rules"
METRICS = "rsitmd_tools.metrics"
BASELINES = "rsitmd_tools.baselines"
ATTENTION = "rsitmd_tools.attention"

log = logging.getLogger(__name__)


@functools.cache
def load_plugins(group: str) -> dict[str, Any]:
    """Load what other packages add to a group.

    A plugin that cannot be loaded is reported in one warning line and left out.

    Args:
        group: Name of the group, such as :data:`RULES`.

    Returns:
        The loaded objects by the names of their entry points, sorted.
    """
    found: dict[str, Any] = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: entry.name):
        try:
            found[entry.name] = entry.load()
        except Exception as error:  # a plugin can raise anything
            warn(entry, error)
    return found


def plugin_names(group: str, built_in: Container[str]) -> list[str]:
    """Return the names of a group's entry points, sorted, without loading them.

    Built-in names cannot be replaced: an entry point with such a name is reported in one warning
    line and left out.
    """
    found = []
    for name in _names(group):
        if name in built_in:
            _warn_of_a_built_in_name(group, name)
        else:
            found.append(name)
    return found


@functools.cache  # One warning for each name.
def _warn_of_a_built_in_name(group: str, name: str) -> None:
    log.warning(
        "plugin %s of the group %s is left out: %s is a built-in name; rename the entry point",
        name,
        group,
        name,
    )


@functools.cache  # The metadata of all installed packages are read.
def _names(group: str) -> tuple[str, ...]:
    return tuple(sorted({entry.name for entry in entry_points(group=group)}))


def warn(entry: EntryPoint, error: Exception) -> None:
    """Report a plugin that cannot be loaded."""
    package = entry.dist.name if entry.dist is not None else "unknown package"
    log.warning(
        "plugin %s of %s cannot be loaded (%s); update or uninstall %s",
        entry.name,
        package,
        f"{type(error).__name__}: {reason(error)}",
        package,
    )
