"""Finding image files and the category each belongs to."""

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
# A folder of this name says where images lie, not what they show.
NO_CATEGORY = "images"
MAX_CATEGORY = 60

# Letters that Unicode does not take apart into a base letter and a mark, or that their
# language writes as two.
_SPELLED_OUT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "oe"}
    | {"ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be an image, and its category."""

    path: Path
    category: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What lies in the sources.

    Attributes:
        found: The image files, in the order in which they are numbered.
        skipped: How many other files there are: of other types, links that lead out of
            the source, and links to folders.
    """

    found: list[Found]
    skipped: int


def scan(
    sources: Iterable[Path], category: str | None = None, leave_out: Path | None = None
) -> Scan:
    """List the image files below ``sources``, in an order that depends on names alone.

    The category of a file is ``category`` where given; else, for a file directly in a
    source or in a folder ``images``, the one in its own name (``port_3.jpg``) or that
    folder's own place; else the name of its folder. Hidden files and folders are passed
    over. Links are followed to files inside the source only, so that a dataset never
    takes in what its folder does not hold.

    Args:
        sources: Folders or files.
        category: One category for all.
        leave_out: A folder that is never searched: the workspace itself.

    Raises:
        RsitmdError: A source is absent, unreadable, or holds no image file, or it lies in
            the folder to leave out.
        WrongUsage: A folder's name has no letter to make a category of.
    """
    found: list[Found] = []
    skipped = 0
    for source in sources:
        if not source.exists():
            raise RsitmdError("does not exist", where=source, hint="name a folder of images")
        if leave_out is not None and source.resolve().is_relative_to(leave_out.resolve()):
            raise RsitmdError(
                "lies in the workspace itself", where=source, hint="name a folder outside it"
            )
        files, others = ([source], 0) if source.is_file() else _files(source, leave_out)
        if not files:
            raise RsitmdError(
                "holds no TIFF, JPEG or PNG file", where=source, hint="name a folder of images"
            )
        found += [Found(path, _category(path, source, category)) for path in files]
        skipped += others
    return Scan(found, skipped)


def safe_category(name: str, where: Path | None = None) -> str:
    """Return a category as RSITMD writes it: lower-case ASCII letters and digits.

    Umlauts and ligatures are spelled out, accents dropped, other scripts left out.

    Raises:
        WrongUsage: Nothing of the name is left.
    """
    # Composed first, so that an umlaut typed as two characters is spelled out too.
    spelled = unicodedata.normalize("NFC", name.lower()).translate(_SPELLED_OUT)
    ascii_only = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^a-z0-9]+", "", ascii_only.lower())[:MAX_CATEGORY]
    if not safe:
        raise WrongUsage(
            f"{name!r} is no name for a category",
            where=where,
            hint="give one with --category, in letters a to z",
        )
    return safe


def shown(path: Path) -> str:
    """Return a path as text that any database and terminal takes.

    Bytes of the name that are not UTF-8 are written as ``\\xff``.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def natural_key(path: Path) -> tuple[object, ...]:
    """Return a sort key by which ``port_2`` comes before ``port_10``."""
    parts = tuple(
        tuple((int(piece), "") if piece.isdecimal() else (-1, piece) for piece in _pieces(part))
        for part in path.parts
    )
    # The plain text decides between names such as 1.jpg and 01.jpg.
    return parts, path.parts


def _pieces(text: str) -> Iterator[str]:
    return (piece for piece in re.split(r"([0-9]+)", text) if piece)


def _files(folder: Path, leave_out: Path | None) -> tuple[list[Path], int]:
    """Return the image files below a folder in natural order, and the count of others."""

    def fail(error: OSError) -> None:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=error.filename, hint="check permissions"
        )

    root = folder.resolve()
    own = None if leave_out is None else leave_out.resolve()
    files: list[Path] = []
    others = 0
    for parent, folders, names in os.walk(folder, onerror=fail):
        place = Path(parent)
        # os.walk passes over linked folders; the user should hear of it.
        others += sum((place / name).is_symlink() for name in folders)
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and (own is None or (place / name).resolve() != own)
        ]
        for name in names:
            path = place / name
            if name.startswith("."):
                continue
            if path.suffix.lower() in SUFFIXES and _inside(path, root):
                files.append(path)
            else:
                others += 1
    return sorted(files, key=lambda path: natural_key(path.relative_to(folder))), others


def _inside(path: Path, root: Path) -> bool:
    """Say whether a name is a regular file or a link to a place below ``root``."""
    if path.is_symlink():
        return path.is_file() and path.resolve().is_relative_to(root)
    # A pipe or device would block the reader; a file that cannot be asked is reported later.
    return not path.exists() or path.is_file()


def _category(path: Path, source: Path, given: str | None) -> str:
    if given is not None:
        return safe_category(given)
    flat = path == source or path.parent == source or path.parent.name == NO_CATEGORY
    if flat and (named := category_of(path.name)):
        return safe_category(named, path)
    folder = path.resolve().parent if flat else path.parent
    if folder.name == NO_CATEGORY:
        folder = folder.parent
    return safe_category(folder.name, path)
