"""A worker keeps the memory of an image for the next one."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from rsitmd_tools.imaging.memory import keep_some_memory
if sys.argv[1] == "kept":
    assert keep_some_memory()
def image():
    return [np.ones(4 * 2**20, np.uint8) for _ in range(10)]  # 40 MB together
for _ in range(5):
    image()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    image()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc")
def test_the_next_image_causes_no_page_faults() -> None:
    faults = {
        how: int(subprocess.check_output([sys.executable, "-c", FAULTS, how], text=True))
        for how in ("given back", "kept")
    }
    # Pages of ten images, even where pages are huge (2 MB).
    assert faults["given back"] > 100
    assert faults["kept"] < faults["given back"] / 10
