"""Word lists: one file per list, one entry per line, ``#`` begins a comment.

Files of the same name in a folder of the user extend the lists.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator
from functools import cached_property
from importlib.resources.abc import Traversable
from pathlib import Path

from rsitmd_tools.errors import RsitmdError, reason

NAMES = ("attributes", "colours", "domain", "function", "numbers", "relations", "sizes", "synonyms")


class WordLists:
    """The lists by name, read on first use.

    Args:
        folder: Folder of files that extend the lists, such as ``domain.txt``.

    Raises:
        RsitmdError: The folder does not exist, or has a list with an unknown name.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._read: dict[str, tuple[str, ...]] = {}
        if folder is not None:
            _check(folder)

    def __getitem__(self, name: str) -> frozenset[str]:
        """Return the entries of a list, lower-cased."""
        return frozenset(self.lines(name))

    def lines(self, name: str) -> tuple[str, ...]:
        """Return the lines of a list in order, lower-cased, without comments."""
        if name not in self._read:
            shipped = importlib.resources.files(__name__) / f"{name}.txt"
            lines = list(_lines(shipped))
            if self._folder is not None and (self._folder / f"{name}.txt").is_file():
                lines += _lines(self._folder / f"{name}.txt")
            self._read[name] = tuple(lines)
        return self._read[name]

    @cached_property
    def synonyms(self) -> dict[str, frozenset[str]]:
        """All synonyms of each word."""
        groups: dict[str, frozenset[str]] = {}
        for line in self.lines("synonyms"):
            group = frozenset(word.strip() for word in line.split(","))
            for word in group:
                groups[word] = groups.get(word, frozenset()) | group
        return groups

    @cached_property
    def attributes(self) -> frozenset[str]:
        """Words for properties, numbers and relations."""
        names = ("attributes", "colours", "numbers", "relations", "sizes")
        return frozenset().union(*(self[name] for name in names))


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise RsitmdError(
            "validate.word_lists is not a folder", where=folder, hint="set it to an existing folder"
        )
    for file in sorted(folder.glob("*.txt")):
        if file.stem not in NAMES:
            raise RsitmdError(
                "unknown word list",
                where=file,
                hint="use one of " + ", ".join(f"{name}.txt" for name in NAMES),
            )


def _lines(file: Traversable) -> Iterator[str]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=str(file), hint="save it as UTF-8"
        ) from error
    for line in text.splitlines():
        entry = line.partition("#")[0].strip().lower()
        if entry:
            yield entry
