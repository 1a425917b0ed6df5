"""``SHA256SUMS``: written as ``sha256sum`` does, checked without it."""

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
_MEND = "take a whole copy of the release"


def write_checksums(folder: Path) -> dict[str, str]:
    """Write the checksums of every file below a folder, sorted by path.

    Returns:
        SHA-256 by path, relative to the folder and with forward slashes.
    """
    sums = {name: sha256_file(folder / name) for name in track(_files(folder), "checksums")}
    write_text(folder / FILENAME, "".join(f"{sha}  {name}\n" for name, sha in sums.items()))
    return sums


def verify_release(folder: Path) -> int:
    """Check a release against its ``SHA256SUMS``: every file, and no file more.

    Returns:
        How many files were checked.

    Raises:
        RsitmdError: The list is absent or malformed, or a file is absent, changed or not
            listed; the file is named.
    """
    listed = _read(folder / FILENAME)
    present = set(_files(folder))
    for name, expected in track(listed.items(), "verify", len(listed)):
        if name not in present:
            raise RsitmdError("is listed but absent", where=folder / name, hint=_MEND)
        try:
            found = sha256_file(folder / name)
        except OSError as error:
            raise RsitmdError(
                f"cannot be read ({reason(error)})", where=folder / name, hint="check the file"
            ) from error
        if found != expected:
            raise RsitmdError("does not have its checksum", where=folder / name, hint=_MEND)
    unlisted = sorted(present.difference(listed))
    if unlisted:
        raise RsitmdError(f"is not in {FILENAME}", where=folder / unlisted[0], hint=_MEND)
    return len(listed)


def _files(folder: Path) -> list[str]:
    """List the regular files below a folder, the list of checksums left out.

    Links are passed over: what they point to is not part of the release.
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
            raise RsitmdError("is no checksum", where=f"{file}: line {number}", hint=_MEND)
        listed[match[2]] = match[1]
    return listed
