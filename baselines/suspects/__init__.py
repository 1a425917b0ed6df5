"""Sentences that a model, which does not know their image, finds to fit another one better."""
