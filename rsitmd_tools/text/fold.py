"""The form of a text in which two texts count as equal."""

from __future__ import annotations


def folded(text: str) -> str:
    """Return a text with case and white space normalised; '' for a blank one."""
    return " ".join(text.split()).casefold()
