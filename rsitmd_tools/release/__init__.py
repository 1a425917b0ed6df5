"""Releases: folders that can be cited, verified and benchmarked."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsitmd_tools.release.bundle import ReleaseOptions, make_release
    from rsitmd_tools.release.manifest import ReleaseReport
    from rsitmd_tools.release.verify import Verification, verify_release

__all__ = ["ReleaseOptions", "ReleaseReport", "Verification", "make_release", "verify_release"]

_MODULES = {
    "ReleaseOptions": "bundle",
    "ReleaseReport": "manifest",
    "Verification": "verify",
    "make_release": "bundle",
    "verify_release": "verify",
}


def __getattr__(name: str) -> Any:
    """Import on first use: the workers of a release need two modules, not all."""
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(name)
