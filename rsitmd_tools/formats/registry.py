"""The description of a format, and reading of text files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, reason


@dataclass(frozen=True, slots=True)
class Format:
    """A format of datasets.

    Attributes:
        name: Name on the command line.
        layout: Description of the files, for messages.
        recognises: Returns whether a path has this format.
        read: Reads a path; the second argument is the image folder or None.
        write: Writes the texts of a dataset to a folder; None if the format is read-only.
    """

    name: str
    layout: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Path | None], Dataset]
    write: Callable[[Dataset, Path], None] | None = None


# The captions of RSICD have 8 MB. A file of this size is not a dataset of captions, and would not
# fit into memory when parsed.
MAX_BYTES = 500_000_000


def read_text(path: Path) -> str:
    """Read a UTF-8 file, with or without a byte order mark.

    Raises:
        RsitmdError: The file cannot be read, has another encoding, or is larger than 500 MB.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise RsitmdError(
                f"has {size / 1e6:.0f} MB, more than {MAX_BYTES / 1e6:.0f}",
                where=path,
                hint="split it into several datasets",
            )
        data = path.read_bytes()
    except OSError as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=path, hint="check the file"
        ) from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RsitmdError("is UTF-16", where=path, hint="save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RsitmdError(
            f"is not UTF-8 (byte {error.start})", where=path, hint="save it as UTF-8"
        ) from error
