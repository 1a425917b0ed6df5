"""Search for image files and their categories."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.imaging.gdal import is_utf8
from rsitmd_tools.ingest.categories import (
    NO_CATEGORY,
    CategoryRule,
    Named,
    OneCategory,
    Place,
    distinct_name,
    from_folders,
    safe_category,
)

__all__ = [
    "NO_CATEGORY",
    "RASTER_SUFFIXES",
    "SUFFIXES",
    "Found",
    "Scan",
    "safe_category",
    "scan",
]

# Files of these types often have a georeference in themselves.
RASTER_SUFFIXES = frozenset(
    {".tif", ".tiff", ".gtiff", ".gtif", ".btf", ".tf8", ".cog"}
    | {".jp2", ".j2k", ".jpx", ".jpf", ".vrt"}
)
SUFFIXES = RASTER_SUFFIXES | {".jpg", ".jpeg", ".jpe", ".png", ".webp"}


class Found:
    """A possible image file and its category.

    A folder can have a million files, so the parts of the path are kept as text: the folder once
    for all of its files.

    Args:
        path: The file.
        category: Its category.
    """

    __slots__ = ("_folder", "_name", "_real", "_source", "category")

    def __init__(self, path: Path | str, category: str) -> None:
        self._folder, self._name = os.path.split(path)
        self._source = self._folder
        self._real: str | None = None
        self.category = category

    @classmethod
    def at(cls, source: str, folder: str, name: str, category: str, real: str | None) -> Found:
        """Return a file of a folder.

        Args:
            source: The source below which the folder is.
            folder: The folder.
            name: Name of the file.
            category: Its category.
            real: Resolved path of the folder; None if the file is a link.
        """
        found = cls.__new__(cls)
        found._source, found._folder, found._name = source, folder, name
        found.category, found._real = category, real
        return found

    @property
    def relative(self) -> str:
        """Its path below the source."""
        below = self._folder[len(self._source) :].strip("/")
        return f"{below}/{self._name}" if below else self._name

    @property
    def file(self) -> str:
        """The file, as text."""
        return os.path.join(self._folder, self._name)

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.file)

    @property
    def is_utf8(self) -> bool:
        """Whether its path is UTF-8, so that the source is a path."""
        text = self.file if self._real is None else os.path.join(self._real, self._name)
        return is_utf8(text)

    @property
    def source(self) -> str:
        """Its resolved path as valid Unicode text; see :func:`shown`."""
        if self._real is None:
            return shown(os.path.realpath(self.file))
        return shown(os.path.join(self._real, self._name))


@dataclass(slots=True)
class Scan:
    """The files in the sources.

    Attributes:
        found: The image files, in the order in which they are numbered.
        other_files: Number of other files by kind: a suffix such as ``.txt``, ``no suffix``,
            ``special file`` (such as a pipe), or ``link`` for links that point outside the source
            and links to folders.
        uncategorised: Image files for which the rule has no category.
        names: The distinct names of each category. Names that differ in case or space are one.
    """

    found: list[Found] = field(default_factory=list)
    other_files: Counter[str] = field(default_factory=Counter)
    uncategorised: list[str] = field(default_factory=list)
    names: dict[str, dict[str, str]] = field(default_factory=dict)

    def category(self, named: Named) -> str:
        """Return a category, and remember its name."""
        known = self.names.setdefault(named.category, {})
        known.setdefault(distinct_name(named.name), named.name)
        return named.category

    @property
    def joined(self) -> dict[str, list[str]]:
        """The categories that were made from several distinct names, and these names."""
        return {
            category: list(names.values())
            for category, names in self.names.items()
            if len(names) > 1
        }


def scan(
    sources: Iterable[Path],
    category: str | CategoryRule | None = None,
    leave_out: Path | None = None,
    result: Scan | None = None,
) -> Scan:
    """List the image files below ``sources``, in an order that only depends on the names.

    The category of a file is ``category``, if it is set. Otherwise it is the name of its folder.
    For a file directly in a source or in a folder ``images``, the prefix of the file name is used
    first (``port_3.jpg``). Hidden files and folders are ignored. Links are only followed to files
    inside the source, so that nothing outside of it is added.

    Args:
        sources: Folders or files.
        category: Category of all files, or the rule that gives files their category.
        leave_out: A folder that is not searched: the workspace itself.
        result: The result of an earlier call, to which the files are added.

    Raises:
        RsitmdError: A source does not exist, cannot be read, has no image file or is in the
            folder to leave out.
        WrongUsage: A folder name has no letters or digits for a category.
    """
    rule = OneCategory(category) if isinstance(category, str) else category or from_folders
    result = Scan() if result is None else result
    for source in sources:
        if not source.exists():
            raise RsitmdError("does not exist", where=source, hint="pass a folder of images")
        if leave_out is not None and source.resolve().is_relative_to(leave_out.resolve()):
            raise RsitmdError(
                "is inside the workspace", where=source, hint="pass a folder outside of it"
            )
        before = len(result.found) + len(result.uncategorised)
        if source.is_file():
            _add_file(source, rule, result)
        else:
            _Walk(source, rule, leave_out, result).run()
        if len(result.found) + len(result.uncategorised) == before:
            raise RsitmdError(
                "contains no TIFF, JPEG, PNG, WebP, JPEG 2000 or VRT file",
                where=source,
                hint="pass a folder of images",
            )
    return result


def shown(path: Path | str) -> str:
    """Return a path as valid Unicode text.

    Bytes of the name that are not UTF-8 are written as ``\\xff``.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _name_key(name: str) -> bytes:
    """Return the sort key of a name: text as it is, numbers by value and after text.

    A byte string takes less memory than a tuple of pieces. Byte 0 ends a piece of text, byte 255,
    which UTF-8 does not have, begins a number: its length, then its digits.
    """
    pieces = []
    for piece in re.split(r"([0-9]+)", name):
        if piece.isdecimal():
            digits = str(int(piece)) if len(piece) < 4000 else piece.lstrip("0")
            pieces.append(b"\xff" + len(digits).to_bytes(2, "big") + digits.encode())
        elif piece:
            pieces.append(piece.encode("utf-8", "surrogatepass") + b"\0")
    # The plain text distinguishes names such as 1.jpg and 01.jpg.
    return b"".join((*pieces, b"\0", name.encode("utf-8", "surrogatepass")))


def _add_file(source: Path, rule: CategoryRule, result: Scan) -> None:
    real = os.path.realpath(source)
    place = Place(str(source), source.name, source.name, str(Path(real).parent), flat=True)
    named = rule(place)
    if named is None:
        result.uncategorised.append(shown(real))
    else:
        result.found.append(Found(source, result.category(named)))


def _kind(entry: os.DirEntry[str]) -> str:
    """Return the kind of a file that is not read."""
    if entry.is_symlink():
        return "link"
    if not entry.is_file():
        return "special file"
    return shown(Path(entry.name).suffix.lower()) or "no suffix"


class _Walk:
    """The search below one source."""

    def __init__(
        self, source: Path, rule: CategoryRule, leave_out: Path | None, result: Scan
    ) -> None:
        self._source = str(source)
        self._root = os.path.realpath(source)
        self._left_out = None if leave_out is None else os.path.realpath(leave_out)
        self._rule = rule
        self._result = result

    def run(self) -> None:
        """Add the files below the source to the result."""
        # A stack instead of recursion: folders can be nested deeper than Python's limit.
        stack = [self._entries("")]
        while stack:
            for folder in stack[-1]:
                stack.append(self._entries(folder))
                break
            else:
                stack.pop()

    def _entries(self, below: str) -> Iterator[str]:
        """Add the files of a folder in natural order; yield its folders in between.

        Args:
            below: Path of the folder below the source; empty for the source itself.
        """
        folder = os.path.join(self._source, below) if below else self._source
        real = os.path.join(self._root, below) if below else self._root
        files: dict[str, bool] = {}  # whether the file is a link
        folders = set()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if os.path.join(real, entry.name) != self._left_out:
                            folders.add(entry.name)
                    elif _is_image(entry.name) and self._usable(entry):
                        files[entry.name] = entry.is_symlink()
                    else:
                        self._result.other_files[_kind(entry)] += 1
        except OSError as error:
            raise RsitmdError(
                f"cannot be read ({reason(error)})", where=folder, hint="check the permissions"
            ) from error
        for name in sorted([*files, *folders], key=_name_key):
            relative = f"{below}/{name}" if below else name
            if name in folders:
                yield relative
            else:
                self._add(folder, relative, name, None if files[name] else real, real)

    def _add(self, folder: str, relative: str, name: str, known: str | None, real: str) -> None:
        place = Place(os.path.join(folder, name), relative, name, real, folder == self._source)
        named = self._rule(place)
        if named is None:
            self._result.uncategorised.append(shown(os.path.join(real, name)))
        else:
            category = self._result.category(named)
            self._result.found.append(Found.at(self._source, folder, name, category, known))

    def _usable(self, entry: os.DirEntry[str]) -> bool:
        """Return whether an entry is a regular file, or a link to a file below the source."""
        if entry.is_symlink():
            target = os.path.realpath(entry.path)
            inside = os.path.commonpath([target, self._root]) == self._root
            return inside and Path(target).is_file()
        # A pipe or device would block the reader.
        return entry.is_file(follow_symlinks=False)


def _is_image(name: str) -> bool:
    dot = name.rfind(".")
    return dot > 0 and name[dot:].lower() in SUFFIXES
