"""Self-contained pages."""

from rsitmd_tools.report.page import write_report

__all__ = ["write_report"]
