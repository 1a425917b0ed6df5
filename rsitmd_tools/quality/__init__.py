"""Rules and statistics: a linter for image-text datasets."""

from rsitmd_tools.quality.check import Result, check, check_subject, subject_of, summary
from rsitmd_tools.quality.finding import Finding
from rsitmd_tools.quality.statistics import dataset_statistics

__all__ = [
    "Finding",
    "Result",
    "check",
    "check_subject",
    "dataset_statistics",
    "subject_of",
    "summary",
]
