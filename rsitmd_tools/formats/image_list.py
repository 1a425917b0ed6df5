"""``images.csv`` of a release: the checksum and the source of each image."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.formats.hazards import text_cell, text_of_cell

IMAGE_LIST = "images.csv"
MANIFEST = "release.json"  # how a folder is known as a release
COLUMNS = ("filename", "sha256", "source", "source_sha256")
WINDOW = "window"
LICENCE = "licence"


@dataclass(frozen=True, slots=True)
class ListedImage:
    """A line of ``images.csv``.

    Attributes:
        filename: File name in the release.
        sha256: SHA-256 of the file of the release.
        source: Name of the source file.
        source_sha256: SHA-256 of the source file, the same for all tiles of a scene.
        window: ``col row width height`` of a tile in pixels of the source, else empty.
        licence: Licence of the image, empty if it is not listed.
    """

    filename: str
    sha256: str
    source: str
    source_sha256: str
    window: str = ""
    licence: str = ""


def image_list(images: Sequence[ListedImage]) -> str:
    """Return the list of the images of a release, as CSV.

    A source whose name a spreadsheet program would take for a formula begins with an apostrophe.
    There is a column of windows if an image is a tile, and one of licences if there are several.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    # The writer takes a CR for a part of a cell that needs no quotes; the reader does not.
    quoted = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    tiles = any(image.window for image in images)
    several = len({image.licence for image in images}) > 1
    table.writerow([*COLUMNS, *[WINDOW] * tiles, *[LICENCE] * several])
    for image in images:
        row = [image.filename, image.sha256, text_cell(image.source), image.source_sha256]
        row += [image.window] * tiles + [text_cell(image.licence)] * several
        (quoted if "\r" in "".join(row) else table).writerow(row)
    return text.getvalue()


def read_image_list(file: Path) -> list[ListedImage]:
    """Read ``images.csv``.

    Raises:
        RsitmdError: The file cannot be read, or a line is malformed.
    """
    hint = "get a complete copy of the release"
    try:
        text = io.StringIO(file.read_bytes().decode("utf-8"), newline="")
        rows = list(csv.reader(text))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RsitmdError(f"cannot be read ({reason(error)})", where=file, hint=hint) from error
    head = rows[0] if rows else []
    more = head[len(COLUMNS) :]
    known = tuple(head[: len(COLUMNS)]) == COLUMNS
    if not known or more not in ([], [WINDOW], [LICENCE], [WINDOW, LICENCE]):
        raise RsitmdError("is malformed", where=f"{file}: line 1", hint=hint)
    listed = []
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(head) or not _is_file_name(row[0]):
            raise RsitmdError("is malformed", where=f"{file}: line {number}", hint=hint)
        cells = dict(zip(head, row, strict=True))
        cells["source"] = text_of_cell(cells["source"])
        cells[LICENCE] = text_of_cell(cells.get(LICENCE, ""))
        listed.append(ListedImage(**cells))
    return listed


def _is_file_name(name: str) -> bool:
    return name == PurePosixPath(name).name == PureWindowsPath(name).name and name not in ("", "..")
