"""rsitmd-tools: build and benchmark RSITMD-format image-text datasets.

``rsitmd_tools.load(PATH)`` reads a dataset. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsitmd_tools.api import Dataset, load

__version__ = "0.1.0"
__all__ = ["Dataset", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """Import the Python API when it is first used."""
    if name in ("Dataset", "load"):
        from rsitmd_tools import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
