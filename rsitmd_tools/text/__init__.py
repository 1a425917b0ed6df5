"""Tokens of captions, and texts that are nearly equal."""
