"""Evaluation of retrieval: items matched by ids, ties by expectation, intervals over images."""
