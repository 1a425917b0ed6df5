"""Datasets in memory: images, sentences, keywords."""

from rsitmd_tools.dataset.records import Dataset, ImageRecord, Sentence

__all__ = ["Dataset", "ImageRecord", "Sentence"]
