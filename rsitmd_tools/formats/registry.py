"""What a format is, and how its texts are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, reason


@dataclass(frozen=True, slots=True)
class Format:
    """One layout of a dataset.

    Attributes:
        name: Its name on the command line.
        layout: What it looks like, for messages.
        recognises: Says whether a path is in this layout.
        read: Reads a path; the second argument is the image folder or None.
        write: Writes a dataset's texts into a folder; None where we only read.
    """

    name: str
    layout: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Path | None], Dataset]
    write: Callable[[Dataset, Path], None] | None = None


# RSICD's captions take 8 MB; a file of this size is no dataset of captions, and its parsed
# form would not fit into memory.
MOST_BYTES = 500_000_000


def read_text(path: Path) -> str:
    """Read a UTF-8 file, with or without a byte order mark.

    Raises:
        RsitmdError: It cannot be read, is in another encoding, or is larger than 500 MB.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise RsitmdError(
                f"has {size / 1e6:.0f} MB, more than {MOST_BYTES / 1e6:.0f}",
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
