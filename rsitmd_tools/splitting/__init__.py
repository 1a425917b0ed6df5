"""Splits without leakage: stratified by category, similar images kept together."""

from rsitmd_tools.splitting.assign import Item, assign_splits
from rsitmd_tools.splitting.folds import FoldReport, make_folds
from rsitmd_tools.splitting.split import SplitReport, split

__all__ = [
    "FoldReport",
    "Item",
    "SplitReport",
    "assign_splits",
    "make_folds",
    "split",
]
