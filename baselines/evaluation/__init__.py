"""Evaluation by ids, with ties by expectation and intervals over images."""
