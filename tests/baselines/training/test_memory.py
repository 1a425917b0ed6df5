"""Freed memory is kept by the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, torch
from rsitmd_tools.baselines.training.memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
for _ in range(20):  # the heap takes up to ten to settle
    torch.ones(50 * 2**18)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(50 * 2**18)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc")
def test_reallocating_a_tensor_causes_no_page_faults() -> None:
    faults = {
        how: int(subprocess.check_output([sys.executable, "-c", FAULTS, how], text=True))
        for how in ("given back", "kept")
    }
    # Pages of ten tensors of 50 MB, even where pages are huge (2 MB).
    assert faults["given back"] > 200
    assert faults["kept"] < faults["given back"] / 10
