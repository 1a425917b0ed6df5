"""Categories of image files: from folders, a table, a pattern, or one for all."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

from rsitmd_tools.dataset.records import category_of
from rsitmd_tools.errors import WrongUsage, reason
from rsitmd_tools.text_files import read_rows

# The name of this folder is not a category.
NO_CATEGORY = "images"
# The category of all images of a dataset without categories: files image_1.tif, image_2.tif, ...
# A file name of RSITMD has a category, and readers of other formats take it from the name.
ONE_FOR_ALL = "image"
MAX_CATEGORY = 60
COLUMNS = ("file", "category")

# Letters that Unicode does not decompose into a base letter and a mark, or that are spelled with
# two letters.
_SPELLED_OUT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "oe"}
    | {"ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)


class Place(NamedTuple):
    """Where a file was found.

    Attributes:
        path: The file, for messages.
        relative: Its path below the source, with ``/``; its name if the source is a file.
        name: Its name.
        folder: Resolved path of its folder.
        flat: Whether it is a source itself, or directly in a source.
    """

    path: str
    relative: str
    name: str
    folder: str
    flat: bool


class Named(NamedTuple):
    """A category and the name from which it was made."""

    category: str
    name: str


class CategoryRule(Protocol):
    """Gives files their category."""

    def __call__(self, place: Place) -> Named | None:
        """Return the category of a file, or None if the rule has none for it."""


def safe_category(name: str, where: Path | str | None = None) -> str:
    """Return a category in the style of RSITMD: lower-case ASCII letters and digits.

    Umlauts and ligatures are spelled out, accents and punctuation are removed.

    Raises:
        WrongUsage: No characters of the name remain, or it has letters of another script.
            Without them, two categories could become one.
    """
    safe, lost = _safe(name)
    if lost or not safe:
        raise WrongUsage(
            f"{name!r} cannot be used as a category"
            + (f": it has letters of another script ({lost})" if safe else ""),
            where=where,
            hint="use --category NAME, or --categories FILE, with letters a to z",
        )
    return safe


@lru_cache(maxsize=4096)
def _safe(name: str, most: int | None = MAX_CATEGORY) -> tuple[str, str]:
    """Return a category, and the letters and digits of the name that it cannot have."""
    # Composed first, so that an umlaut of two code points is spelled out too.
    spelled = unicodedata.normalize("NFC", name.lower()).translate(_SPELLED_OUT)
    plain = unicodedata.normalize("NFKD", spelled)
    ascii_only = plain.encode("ascii", "ignore").decode()
    lost = "".join(letter for letter in plain if not letter.isascii() and letter.isalnum())
    return re.sub(r"[^a-z0-9]+", "", ascii_only.lower())[:most], lost


@lru_cache(maxsize=4096)
def distinct_name(name: str) -> str:
    """Return a form of a name that, unlike a category, differs for ``1_11`` and ``11_1``."""
    return "x".join(_safe(part, None)[0] for part in re.split(r"(?<=\d)[\W_]+(?=\d)", name))


def from_folders(place: Place) -> Named:
    """Return the name of the folder, or the prefix of the file name if there is no class folder.

    Raises:
        WrongUsage: The name has no letters or digits for a category.
    """
    parent, _, folder = place.folder.rpartition("/")
    in_images = folder == NO_CATEGORY
    if (place.flat or in_images) and (named := category_of(place.name)):
        return _named(named, place)
    return _named(parent.rpartition("/")[2] if in_images else folder, place)


def _named(name: str, place: Place) -> Named:
    return Named(safe_category(name, place.path), name)


class OneCategory:
    """The same category for all files."""

    def __init__(self, category: str) -> None:
        self._category = Named(safe_category(category), category)

    def __call__(self, place: Place) -> Named:
        """Return the category."""
        return self._category


class FromPattern:
    """The group ``category`` of a regular expression that is searched in the relative path.

    Raises:
        WrongUsage: The expression is invalid or has no such group.
    """

    def __init__(self, pattern: str) -> None:
        try:
            self._pattern = re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise WrongUsage(
                f"is not a regular expression ({reason(error)})",
                where=f"--category-pattern {pattern}",
                hint="use a pattern such as '^(?P<category>[a-z]+)-'",
            ) from None
        if "category" not in self._pattern.groupindex:
            raise WrongUsage(
                "has no group named category",
                where=f"--category-pattern {pattern}",
                hint="use a pattern such as '^(?P<category>[a-z]+)-'",
            )

    def __call__(self, place: Place) -> Named | None:
        """Return the category, or None if the pattern does not match."""
        found = self._pattern.search(place.relative)
        named = found and found["category"]
        return _named(named, place) if named else None


class FromTable:
    """A CSV file with the columns ``file`` and ``category``.

    ``file`` is the path below SRC.

    Attributes:
        unused: The files of the table that were not found yet, in its order.

    Raises:
        RsitmdError: The file cannot be read, or a column is missing.
        WrongUsage: A row is incomplete, a path is absolute or has ``..``,
            or a file has two categories.
    """

    def __init__(self, file: Path) -> None:
        self._categories: dict[str, Named] = {}
        for place, name, category in _rows(file):
            key, named = _checked(name, place), Named(safe_category(category, place), category)
            if self._categories.setdefault(key, named).category != named.category:
                raise WrongUsage(
                    f"{name!r} has two categories", where=place, hint="remove one of the rows"
                )
        self.unused = dict.fromkeys(self._categories)
        # Systems write a letter with an accent in one or in two characters.
        self._composed = {unicodedata.normalize("NFC", key): key for key in self._categories}

    def __call__(self, place: Place) -> Named | None:
        """Return the category, or None if the table does not have the file."""
        key: str | None = place.relative
        if key not in self._categories:
            key = self._composed.get(unicodedata.normalize("NFC", place.relative))
        if key is None:
            return None
        self.unused.pop(key, None)
        return self._categories[key]


def _rows(file: Path) -> list[tuple[str, str, str]]:
    """Return the place of each row of a table, its file and its category."""
    found = []
    for line, row in read_rows(file, COLUMNS, "use a first line: file,category"):
        place, name, category = f"{file}: line {line}", row["file"], row["category"]
        if not name or not category:
            raise WrongUsage(
                "has no file or no category", where=place, hint="complete or remove the row"
            )
        found.append((place, name, category))
    return found


def _checked(name: str, where: str) -> str:
    """Return a path of the table in its normal form.

    Raises:
        WrongUsage: The path is absolute or leaves the source.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name or not path.parts:
        raise WrongUsage(
            f"{name!r} is not a path below SRC", where=where, hint="use a path without '..'"
        )
    return str(path)
