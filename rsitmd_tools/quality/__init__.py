"""Rules and statistics: a linter for image-text datasets."""

from rsitmd_tools.quality.check import Expectations, check, summary
from rsitmd_tools.quality.finding import Finding
from rsitmd_tools.quality.statistics import dataset_statistics

__all__ = ["Expectations", "Finding", "check", "dataset_statistics", "summary"]
