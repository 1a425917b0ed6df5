"""The form of a text in which two texts count as equal."""

from __future__ import annotations

import unicodedata

BLANK = ord(" ")


def folded(text: str) -> str:
    """Return a text with case, white space and accents (NFC) normalised; '' for a blank one."""
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()


def bare(text: str) -> str:
    """Return a folded text without punctuation; '' if no word remains.

    Datasets with the same sentences write them as ``The port.``, ``the port .`` or ``the port``.
    """
    return " ".join(folded(text).translate(_BLANKS).split())


class _Blanks(dict[int, int]):
    """A blank for each punctuation mark, by code point; filled as characters occur."""

    def __missing__(self, code: int) -> int:
        is_mark = unicodedata.category(chr(code)).startswith("P")
        return self.setdefault(code, BLANK if is_mark else code)


_BLANKS = _Blanks()
