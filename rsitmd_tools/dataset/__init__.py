"""Datasets in memory, and the formats they are read from and written to."""

from rsitmd_tools.dataset.formats import load_dataset, save_dataset
from rsitmd_tools.dataset.records import Dataset, ImageRecord, Sentence

__all__ = ["Dataset", "ImageRecord", "Sentence", "load_dataset", "save_dataset"]
