"""Self-contained pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsitmd_tools.report.page import write_report

__all__ = ["write_report"]


def __getattr__(name: str) -> Any:
    """Import the page of results on first use: it needs scipy, which other pages do not."""
    if name == "write_report":
        from rsitmd_tools.report.page import write_report

        return write_report
    raise AttributeError(name)
