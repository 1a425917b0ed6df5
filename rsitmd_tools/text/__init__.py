"""Tokens of captions, and detection of nearly equal texts."""
