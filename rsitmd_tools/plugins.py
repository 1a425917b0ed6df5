"""Extensions from other installed packages, found by entry points.

A package declares what it adds in its ``pyproject.toml``::

    [project.entry-points."rsitmd_tools.rules"]
    my-rules = "my_package.rules"

See ``docs/extending.md`` for the groups and a complete package.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Container, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from rsitmd_tools.errors import RsitmdError, reason

FORMATS = "rsitmd_tools.formats"
RULES = "rsitmd_tools.rules"
METRICS = "rsitmd_tools.metrics"
BASELINES = "rsitmd_tools.baselines"
ATTENTION = "rsitmd_tools.attention"
UNKNOWN = "another package"

log = logging.getLogger(__name__)


class PluginError(RsitmdError):
    """A plugin failed. The fault is in its package."""


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
        except (Exception, SystemExit) as error:  # a plugin can raise anything
            package = _package(entry)
            log.warning(
                "plugin %s of %s cannot be loaded (%s); update or uninstall %s",
                entry.name,
                package,
                _described(error),
                package,
            )
    return found


def load_plugin(group: str, name: str) -> Any:
    """Load the plugins of a group, and return one of them.

    Raises:
        RsitmdError: It cannot be loaded; the reason is in a warning.
    """
    found = load_plugins(group)
    if name not in found:
        raise RsitmdError(
            f"plugin {name} of {package_of(group, name)} cannot be loaded",
            hint="see the warning above, and update or reinstall the package",
        )
    return found[name]


def plugin_names(group: str, built_in: Container[str]) -> list[str]:
    """Return the names of a group's entry points, sorted, without loading them.

    Built-in names cannot be replaced: an entry point with such a name is reported in one warning
    line and left out.
    """
    found = []
    for name in _names(group):
        if name in built_in:
            leave_out(group, name, f"{name} is a built-in name; rename the entry point")
        else:
            found.append(name)
    return found


@functools.cache  # The metadata of all installed packages are read.
def _names(group: str) -> tuple[str, ...]:
    return tuple(sorted({entry.name for entry in entry_points(group=group)}))


def package_of(group: str, name: str) -> str:
    """Return the package that adds the plugin of a name."""
    return next(map(_package, entry_points(group=group, name=name)), UNKNOWN)


def package_of_module(group: str, module: str) -> str:
    """Return the package whose entry points in a group name a module, or one beside it."""
    top = module.partition(".")[0]
    entries = entry_points(group=group)
    return next((_package(e) for e in entries if e.module.partition(".")[0] == top), UNKNOWN)


def leave_out(group: str, name: str, why: str) -> None:
    """Report, once, a plugin that is not used.

    Args:
        group: Its group.
        name: Its name.
        why: The reason and a hint.
    """
    warn_once(f"plugin {name} of {package_of(group, name)} is left out: {why}")


@functools.cache
def warn_once(message: str) -> None:
    """Log a warning that was not logged before."""
    log.warning("%s", message)


def report(error: PluginError) -> None:
    """Report, once, a plugin that failed, for a caller that continues without it."""
    warn_once(str(error))
    log.debug("%s", error, exc_info=error)


@contextlib.contextmanager
def calling(what: str, package: str) -> Iterator[None]:
    """Convert an exception of a plugin to one line that names the plugin and its package.

    Errors for users remain unchanged. So do those of files and of text that UTF-8 cannot encode:
    their cause is outside the package.

    Args:
        what: Kind and name of the plugin, such as ``rule X101``.
        package: Its package.

    Raises:
        PluginError: The plugin raised another exception.
    """
    try:
        yield
    except (RsitmdError, OSError, UnicodeEncodeError):
        raise
    except Exception as error:  # a plugin can raise anything
        raise PluginError(
            f"{what} of {package} failed ({_described(error)})",
            hint=f"report it to the authors of {package}; --debug shows the traceback",
        ) from error


def _package(entry: EntryPoint) -> str:
    return UNKNOWN if entry.dist is None else entry.dist.name


def _described(error: BaseException) -> str:
    kind, said = type(error).__name__, reason(error)
    return kind if said == kind else f"{kind}: {said}"
