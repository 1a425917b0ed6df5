"""The Python API: ``rsitmd_tools.load(PATH)`` gives a :class:`Dataset`."""

from rsitmd_tools.api.dataset import Dataset, load

__all__ = ["Dataset", "load"]
