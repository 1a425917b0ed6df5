"""Search for image files and their categories."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rsitmd_tools.dataset.records import category_of
from rsitmd_tools.errors import RsitmdError, WrongUsage, reason

SUFFIXES = {".tif", ".tiff", ".jpg", ".jpeg", ".png"}
# The name of this folder is not a category.
NO_CATEGORY = "images"
MAX_CATEGORY = 60

# Letters that Unicode does not decompose into a base letter and a mark, or that are spelled with
# two letters.
_SPELLED_OUT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "oe"}
    | {"ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)


@dataclass(frozen=True, slots=True)
class Found:
    """A possible image file and its category."""

    path: Path
    category: str


@dataclass(frozen=True, slots=True)
class Scan:
    """The files in the sources.

    Attributes:
        found: The image files, in the order in which they are numbered.
        skipped: Number of other files: other types, links that point outside the source, and
            links to folders.
    """

    found: list[Found]
    skipped: int


def scan(
    sources: Iterable[Path], category: str | None = None, leave_out: Path | None = None
) -> Scan:
    """List the image files below ``sources``, in an order that only depends on the names.

    The category of a file is ``category``, if it is set. Otherwise it is the name of its folder.
    For a file directly in a source or in a folder ``images``, the prefix of the file name is used
    first (``port_3.jpg``). Hidden files and folders are ignored. Links are only followed to files
    inside the source, so that nothing outside of it is added.

    Args:
        sources: Folders or files.
        category: Category of all files.
        leave_out: A folder that is not searched: the workspace itself.

    Raises:
        RsitmdError: A source does not exist, cannot be read, has no image file or is in the
            folder to leave out.
        WrongUsage: A folder name has no letters or digits for a category.
    """
    found: list[Found] = []
    skipped = 0
    for source in sources:
        if not source.exists():
            raise RsitmdError("does not exist", where=source, hint="pass a folder of images")
        if leave_out is not None and source.resolve().is_relative_to(leave_out.resolve()):
            raise RsitmdError(
                "is inside the workspace", where=source, hint="pass a folder outside of it"
            )
        files, others = ([source], 0) if source.is_file() else _files(source, leave_out)
        if not files:
            raise RsitmdError(
                "contains no TIFF, JPEG or PNG file", where=source, hint="pass a folder of images"
            )
        found += [Found(path, _category(path, source, category)) for path in files]
        skipped += others
    return Scan(found, skipped)


def safe_category(name: str, where: Path | None = None) -> str:
    """Return a category in the style of RSITMD: lower-case ASCII letters and digits.

    Umlauts and ligatures are spelled out, accents are removed, other scripts are dropped.

    Raises:
        WrongUsage: No characters of the name remain.
    """
    # Composed first, so that an umlaut of two code points is spelled out too.
    spelled = unicodedata.normalize("NFC", name.lower()).translate(_SPELLED_OUT)
    ascii_only = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^a-z0-9]+", "", ascii_only.lower())[:MAX_CATEGORY]
    if not safe:
        raise WrongUsage(
            f"{name!r} cannot be used as a category",
            where=where,
            hint="use --category NAME with letters a to z",
        )
    return safe


def shown(path: Path) -> str:
    """Return a path as valid Unicode text.

    Bytes of the name that are not UTF-8 are written as ``\\xff``.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def natural_key(path: Path) -> tuple[object, ...]:
    """Return a sort key that puts ``port_2`` before ``port_10``."""
    parts = tuple(
        tuple((int(piece), "") if piece.isdecimal() else (-1, piece) for piece in _pieces(part))
        for part in path.parts
    )
    # The plain text distinguishes names such as 1.jpg and 01.jpg.
    return parts, path.parts


def _pieces(text: str) -> Iterator[str]:
    return (piece for piece in re.split(r"([0-9]+)", text) if piece)


def _files(folder: Path, leave_out: Path | None) -> tuple[list[Path], int]:
    """Return the image files below a folder in natural order, and the number of others."""

    def fail(error: OSError) -> None:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=error.filename, hint="check the permissions"
        )

    root = folder.resolve()
    left_out = None if leave_out is None else leave_out.resolve()
    files: list[Path] = []
    others = 0
    for parent, folders, names in os.walk(folder, onerror=fail):
        current = Path(parent)
        # os.walk ignores links to folders. They are counted for the report.
        others += sum((current / name).is_symlink() for name in folders)
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and (left_out is None or (current / name).resolve() != left_out)
        ]
        for name in names:
            path = current / name
            if name.startswith("."):
                continue
            if path.suffix.lower() in SUFFIXES and _inside(path, root):
                files.append(path)
            else:
                others += 1
    return sorted(files, key=lambda path: natural_key(path.relative_to(folder))), others


def _inside(path: Path, root: Path) -> bool:
    """Return whether a path is a regular file, or a link to a file below ``root``."""
    if path.is_symlink():
        return path.is_file() and path.resolve().is_relative_to(root)
    # A pipe or device would block the reader. A file that cannot be accessed is reported later.
    return not path.exists() or path.is_file()


def _category(path: Path, source: Path, category: str | None) -> str:
    if category is not None:
        return safe_category(category)
    flat = path == source or path.parent == source or path.parent.name == NO_CATEGORY
    if flat and (named := category_of(path.name)):
        return safe_category(named, path)
    folder = path.resolve().parent if flat else path.parent
    if folder.name == NO_CATEGORY:
        folder = folder.parent
    return safe_category(folder.name, path)
