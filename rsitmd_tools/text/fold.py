"""The form of a text in which two texts count as equal."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """Return a text with case, white space and accents (NFC) normalised; '' for a blank one."""
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()
