"""``SHA256SUMS``: written in the format of ``sha256sum`` and compared without it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rsitmd_tools.atomic import write_text
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.formats.image_list import IMAGE_LIST, read_image_list
from rsitmd_tools.hashing import sha256_files
from rsitmd_tools.progress import track
from rsitmd_tools.text_files import read_text

FILENAME = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_HINT = "get a complete copy of the release"
UNLISTED = f"is not in {FILENAME}"


def write_checksums(folder: Path, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Write the checksums of every file below a folder, sorted by path.

    Args:
        folder: The folder.
        known: SHA-256 of the files whose bytes were hashed when they were written, by path
            relative to the folder and with forward slashes. They are not read again.

    Returns:
        SHA-256 by path, sorted.
    """
    names = _files(folder)
    sums = dict(known or {})
    others = [name for name in names if name not in sums]
    found = sha256_files([folder / name for name in others])
    for name, sha256 in zip(others, track(found, "checksums", len(others)), strict=True):
        if isinstance(sha256, OSError):
            raise sha256
        sums[name] = sha256
    write_text(folder / FILENAME, "".join(f"{sums[name]}  {name}\n" for name in names))
    return {name: sums[name] for name in names}


@dataclass(frozen=True, slots=True)
class Difference:
    """A file of a release that is not as it was released.

    Attributes:
        file: Path relative to the release, with forward slashes.
        problem: What is wrong with it.
    """

    file: str
    problem: str


def compare_checksums(folder: Path) -> tuple[int, list[Difference]]:
    """Compare the files of a release with its ``SHA256SUMS`` and its list of images.

    Hidden files that are not listed are ignored: Git, the Hugging Face Hub and file managers add
    them to a copy of a release.

    Returns:
        Number of listed files, and the files that are missing, changed or not listed.

    Raises:
        RsitmdError: The list is missing or malformed.
    """
    listed = _read(folder / FILENAME)
    present = set(_files(folder))
    images: dict[str, str] = {}
    if IMAGE_LIST in listed and (folder / "images").is_dir():
        try:
            found_images = read_image_list(folder / IMAGE_LIST)
            images = {f"images/{image.filename}": image.sha256 for image in found_images}
            if not any(name.startswith("images/") for name in listed):
                # The release was made without images and completed.
                listed |= images
        except RsitmdError:  # its checksum is wrong; nothing else says how the images should be
            present = {name for name in present if name in listed or not name.startswith("images/")}
    # A name that is not among the files of the folder, such as ../x, is never opened.
    names = [name for name in listed if name in present]
    found = [Difference(name, _absent(folder, name)) for name in listed if name not in present]
    sums = sha256_files([folder / name for name in names])
    for name, sha256 in zip(names, track(sums, "verify", len(names)), strict=True):
        expected = (listed[name], images.get(name, listed[name]))
        problem = next(filter(None, (_compare(sha256, known) for known in expected)), None)
        if problem is not None:
            found.append(Difference(name, problem))
    unlisted = sorted(present.difference(listed))
    found += [Difference(name, UNLISTED) for name in unlisted if not is_hidden(name)]
    return len(listed), found


def is_hidden(name: str) -> bool:
    """Return whether a file or one of its folders has a name that begins with a dot."""
    return any(part.startswith(".") for part in name.split("/"))


def _absent(folder: Path, name: str) -> str:
    """Return why a listed file is not among the files of a folder."""
    steps = [*Path(name).parents, Path(name)]
    inside = ".." not in Path(name).parts and not Path(name).is_absolute()
    if inside and any((folder / step).is_symlink() for step in steps if step.parts):
        return "is a link; replace it with the file"
    return "does not exist"


def _compare(sha256: str | OSError, expected: str) -> str | None:
    if isinstance(sha256, OSError):
        return f"cannot be read ({reason(sha256)})"
    return None if sha256 == expected else "has a wrong checksum"


def _files(folder: Path) -> list[str]:
    """List the regular files below a folder, except the list of checksums.

    Links are ignored, because their targets are not part of the release.
    """
    found = []
    below = [""]
    while below:
        prefix = below.pop()
        with suppress(PermissionError), os.scandir(folder / prefix) as entries:
            for entry in entries:
                name = f"{prefix}{entry.name}"
                if entry.is_file(follow_symlinks=False):
                    found.append(name)
                elif entry.is_dir(follow_symlinks=False):
                    below.append(f"{name}/")
    return sorted(name for name in found if name != FILENAME)


def _read(file: Path) -> dict[str, str]:
    listed: dict[str, str] = {}
    if not file.exists():
        raise RsitmdError("does not exist", where=file, hint=_HINT)
    for number, line in enumerate(read_text(file).splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise RsitmdError("is not a checksum", where=f"{file}: line {number}", hint=_HINT)
        listed[match[2]] = match[1]
    return listed
