"""Releases: folders that can be cited, verified and benchmarked."""

from rsitmd_tools.release.bundle import ReleaseReport, make_release
from rsitmd_tools.release.checksums import verify_release

__all__ = ["ReleaseReport", "make_release", "verify_release"]
