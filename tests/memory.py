"""Peak memory of a process, for tests."""

from pathlib import Path


def peak_memory() -> int:
    """Return the peak of this process's resident memory in bytes.

    Linux starts `ru_maxrss` of a new program at the peak of the process that started it, so that
    a small program of a large test run looks large. `VmHWM` counts the program alone.
    """
    status = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def reset_peak_memory() -> int:
    """Set the peak of this process's memory to its present size and return it in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_memory()
