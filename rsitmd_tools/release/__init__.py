"""The release: a folder that can be cited, checked and benchmarked."""

from rsitmd_tools.release.bundle import ReleaseReport, make_release
from rsitmd_tools.release.checksums import verify_release

__all__ = ["ReleaseReport", "make_release", "verify_release"]
