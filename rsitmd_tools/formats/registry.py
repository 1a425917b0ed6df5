"""The description of a format, and reading of text files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.formats.holds import Holds

Write = Callable[[Dataset, Path], None]
# Returns the bytes of an image file.
ReadImage = Callable[[ImageRecord], bytes]


def in_image_folder(image: ImageRecord) -> str:
    """Return where most formats have an image file: in ``images/``."""
    return f"images/{image.location}"


@dataclass(frozen=True, slots=True)
class Format:
    """A format of datasets.

    Attributes:
        name: Name on the command line.
        layout: Description of the files, for messages.
        recognises: Returns whether a path has this format.
        read: Reads a path; the second argument is the image folder or None.
        write: Writes the texts of a dataset to a folder; None if the format is read-only.
        holds: What the format can hold; None if it is not declared.
        variants: Other ways to write it, by name.
        image_at: Returns the path of an image file in the folder of the dataset.
        pack: Writes texts and images into the same files, if the format does so; the last
            argument is None for texts alone.
        images_by_default: Whether `build convert` writes the images by default.
    """

    name: str
    layout: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Path | None], Dataset]
    write: Write | None = None
    holds: Holds | None = None
    variants: Mapping[str, Write] = field(default_factory=dict)
    image_at: Callable[[ImageRecord], str] = in_image_folder
    pack: Callable[[Dataset, Path, ReadImage | None], None] | None = None
    images_by_default: bool = False


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
    except FileNotFoundError as error:
        raise RsitmdError("does not exist", where=path, hint="check the path") from error
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
