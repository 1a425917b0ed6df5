"""Decoded images, cached features, and batches of training pairs."""
