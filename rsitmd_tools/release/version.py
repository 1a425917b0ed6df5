"""Versions of releases: Semantic Versioning 2.0.0, and the order of versions."""

from __future__ import annotations

import re

from rsitmd_tools.errors import WrongUsage

_NUMBER = "(?:0|[1-9][0-9]*)"
_PRE = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
# Without build metadata, which would allow two names for one version.
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_PRE}(?:\.{_PRE})*)?")


def is_version(version: str) -> bool:
    """Return whether a text is a version."""
    return _VERSION.fullmatch(version) is not None


def check_version(version: str) -> None:
    """Check a version.

    Raises:
        WrongUsage: The version is invalid.
    """
    if not is_version(version):
        raise WrongUsage(
            "is not a version",
            where=repr(version),
            hint="use a version such as 1.0.0 or 1.1.0-rc.1",
        )


def precedence(version: str) -> tuple[tuple[int, ...], bool, list[tuple[bool, int, str]]]:
    """Return a key that sorts valid versions as Semantic Versioning does, the earliest first."""
    core, _, pre = version.partition("-")
    parts = pre.split(".") if pre else []
    return (
        tuple(map(int, core.split("."))),
        not parts,
        [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts],
    )
