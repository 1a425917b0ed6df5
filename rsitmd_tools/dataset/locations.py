"""Names of files in archives and image folders, and image files inside archives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from rsitmd_tools.errors import RsitmdError, reason


def leads_out(name: str) -> bool:
    """Return whether a name is absolute, has a drive or contains ``..``.

    A program that joins such a name to a folder reads or writes files elsewhere.
    """
    windows = PureWindowsPath(name)
    return (
        PurePosixPath(name).is_absolute()
        or bool(windows.drive or windows.root)
        or ".." in PurePosixPath(name).parts
        or ".." in windows.parts
    )


@dataclass(frozen=True, slots=True)
class Member:
    """An image file inside an uncompressed archive.

    Attributes:
        archive: The archive.
        offset: Position of its first byte.
        size: Number of its bytes.
    """

    archive: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """Return the bytes of the file.

        Raises:
            RsitmdError: The archive cannot be read, or was cut after it was opened.
        """
        try:
            with self.archive.open("rb") as stream:
                stream.seek(self.offset)
                data = stream.read(self.size)
        except OSError as error:
            raise RsitmdError(
                f"cannot be read ({reason(error)})", where=self.archive, hint="restore the file"
            ) from error
        if len(data) != self.size:
            raise RsitmdError("is truncated", where=self.archive, hint="restore the file")
        return data
