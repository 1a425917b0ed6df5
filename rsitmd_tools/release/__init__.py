"""The release: a folder that can be cited, checked and benchmarked."""

from rsitmd_tools.release.release import ReleaseReport, make_release, verify_release

__all__ = ["ReleaseReport", "make_release", "verify_release"]
