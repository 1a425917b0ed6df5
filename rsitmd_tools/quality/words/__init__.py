"""Word lists: one file a list, one entry a line, ``#`` begins a comment.

A folder of the user's may extend each list by a file of the same name.
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
    """The lists by name, read when first asked for.

    Args:
        folder: Folder of files that extend the lists, such as ``domain.txt``.

    Raises:
        RsitmdError: The folder is absent or holds a list of an unknown name.
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
        """Return the lines of a list in order, lower-cased, comments left out."""
        if name not in self._read:
            shipped = importlib.resources.files(__name__) / f"{name}.txt"
            lines = list(_lines(shipped))
            if self._folder is not None and (self._folder / f"{name}.txt").is_file():
                lines += _lines(self._folder / f"{name}.txt")
            self._read[name] = tuple(lines)
        return self._read[name]

    @cached_property
    def synonyms(self) -> dict[str, frozenset[str]]:
        """For each word of an object, all words for that object."""
        groups: dict[str, frozenset[str]] = {}
        for line in self.lines("synonyms"):
            group = frozenset(word.strip() for word in line.split(","))
            for word in group:
                groups[word] = groups.get(word, frozenset()) | group
        return groups

    @cached_property
    def attributes(self) -> frozenset[str]:
        """Words that say how, how many or where: colours, sizes, numbers, relations, others."""
        names = ("attributes", "colours", "numbers", "relations", "sizes")
        return frozenset().union(*(self[name] for name in names))


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise RsitmdError(
            "validate.word_lists is not a folder", where=folder, hint="name a folder of word lists"
        )
    for file in sorted(folder.glob("*.txt")):
        if file.stem not in NAMES:
            raise RsitmdError(
                "is no word list this tool knows",
                where=file,
                hint="known: " + ", ".join(f"{name}.txt" for name in NAMES),
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
