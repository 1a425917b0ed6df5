"""Finding image files and the category each belongs to."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rsitmd_tools.dataset.records import category_of
from rsitmd_tools.errors import RsitmdError, WrongUsage, reason

SUFFIXES = {".tif", ".tiff", ".jpg", ".jpeg", ".png"}


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be an image, and its category."""

    path: Path
    category: str


def scan(sources: Iterable[Path], category: str | None = None) -> list[Found]:
    """List the image files below ``sources``, in an order that depends on names alone.

    The category of a file is ``category`` where given; else, for a file directly in a
    source, the one in its own name (``port_3.jpg``) or the source's name; else the name
    of its folder. Links to outside of the source are not followed.

    Raises:
        RsitmdError: A source is absent, unreadable, or holds no image file.
    """
    found: list[Found] = []
    for source in sources:
        if not source.exists():
            raise RsitmdError("does not exist", where=source, mend="name a folder of images")
        files = [source] if source.is_file() else _files(source)
        if not files:
            raise RsitmdError(
                "holds no TIFF, JPEG or PNG file", where=source, mend="name a folder of images"
            )
        found += [Found(path, _category(path, source, category)) for path in files]
    return found


def safe_category(name: str) -> str:
    """Return a category as RSITMD writes it: lower-case ASCII letters and digits.

    Raises:
        WrongUsage: Nothing of the name is left.
    """
    spelled = name.replace("ß", "ss").lower()
    for letter, pair in (("ä", "ae"), ("ö", "oe"), ("ü", "ue")):
        spelled = unicodedata.normalize("NFC", spelled).replace(letter, pair)
    ascii_only = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^a-z0-9]+", "", ascii_only)[:60]
    if not safe:
        raise WrongUsage(
            f"{name!r} is no name for a category", mend="give one with --category, in a to z"
        )
    return safe


def _files(folder: Path) -> list[Path]:
    def fail(error: OSError) -> None:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=error.filename, mend="check permissions"
        )

    root = folder.resolve()
    files = [
        Path(parent) / name
        for parent, _, names in os.walk(folder, onerror=fail)
        for name in names
        if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
    ]
    inside = [path for path in files if path.resolve().is_relative_to(root)]
    return sorted(inside, key=lambda path: path.relative_to(folder).parts)


def _category(path: Path, source: Path, given: str | None) -> str:
    if given is not None:
        return safe_category(given)
    if path.parent == source or path == source:
        return safe_category(category_of(path.name) or path.resolve().parent.name)
    return safe_category(path.parent.name)
