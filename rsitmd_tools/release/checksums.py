"""``SHA256SUMS``: written in the format of ``sha256sum`` and verified without it."""

from __future__ import annotations

import re
from pathlib import Path

from rsitmd_tools.atomic import write_text
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.formats.registry import read_text
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.progress import track

FILENAME = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_HINT = "get a complete copy of the release"


def write_checksums(folder: Path) -> dict[str, str]:
    """Write the checksums of every file below a folder, sorted by path.

    Returns:
        SHA-256 by path, relative to the folder and with forward slashes.
    """
    sums = {name: sha256_file(folder / name) for name in track(_files(folder), "checksums")}
    write_text(folder / FILENAME, "".join(f"{sha}  {name}\n" for name, sha in sums.items()))
    return sums


def verify_release(folder: Path) -> int:
    """Check a release against its ``SHA256SUMS``: all listed files and no others.

    Returns:
        Number of checked files.

    Raises:
        RsitmdError: The list is missing or malformed, or a file is missing, changed or not
            listed.
    """
    listed = _read(folder / FILENAME)
    present = set(_files(folder))
    for name, expected in track(listed.items(), "verify", len(listed)):
        if name not in present:
            raise RsitmdError("is listed but does not exist", where=folder / name, hint=_HINT)
        try:
            found = sha256_file(folder / name)
        except OSError as error:
            raise RsitmdError(
                f"cannot be read ({reason(error)})", where=folder / name, hint="check the file"
            ) from error
        if found != expected:
            raise RsitmdError("has a wrong checksum", where=folder / name, hint=_HINT)
    unlisted = sorted(present.difference(listed))
    if unlisted:
        raise RsitmdError(f"is not in {FILENAME}", where=folder / unlisted[0], hint=_HINT)
    return len(listed)


def _files(folder: Path) -> list[str]:
    """List the regular files below a folder, except the list of checksums.

    Links are ignored, because their targets are not part of the release.
    """
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and path != folder / FILENAME
    )


def _read(file: Path) -> dict[str, str]:
    listed: dict[str, str] = {}
    for number, line in enumerate(read_text(file).splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise RsitmdError("is not a checksum", where=f"{file}: line {number}", hint=_HINT)
        listed[match[2]] = match[1]
    return listed
