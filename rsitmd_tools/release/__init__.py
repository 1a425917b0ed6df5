"""Releases: folders that can be cited, verified and benchmarked."""

from rsitmd_tools.release.bundle import ReleaseOptions, make_release
from rsitmd_tools.release.manifest import ReleaseReport
from rsitmd_tools.release.verify import Verification, verify_release

__all__ = ["ReleaseOptions", "ReleaseReport", "Verification", "make_release", "verify_release"]
