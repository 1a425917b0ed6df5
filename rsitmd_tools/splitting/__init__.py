"""Splits without leakage: stratified by category, duplicates kept together."""

from rsitmd_tools.splitting.assign import assign_splits
from rsitmd_tools.splitting.split import SplitReport, split

__all__ = ["SplitReport", "assign_splits", "split"]
