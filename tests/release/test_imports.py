"""What a release imports: libraries that it does not need take longer than the copy of images."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("rsitmd_tools.release.bundle", "scipy matplotlib torch yaml numba"),
        # Each worker imports these two.
        (
            "rsitmd_tools.release.images, rsitmd_tools.release.validation",
            "rsitmd_tools.release.bundle rsitmd_tools.report jinja2 scipy",
        ),
    ],
)
def test_modules_that_are_not_needed_are_not_imported(module: str, absent: str) -> None:
    program = f"import sys, {module}; print(sorted(sys.modules.keys() & {set(absent.split())}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_names_of_the_package() -> None:
    from rsitmd_tools import release, report

    assert release.make_release.__module__ == "rsitmd_tools.release.bundle"
    assert callable(report.write_report)
    for package in (release, report):
        assert all(hasattr(package, name) for name in package.__all__)
        assert not hasattr(package, "nothing")
