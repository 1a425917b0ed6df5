"""``open-clip-csv``: ``<name>_{train,val,test}.csv``, an image file and a title for each caption.

Published files have ``filename,title``. By default, OpenCLIP expects ``filepath`` and ``title``,
separated by a tab. Both columns and both separators are supported.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats.holds import IN_NAME, REQUIRED, SOME, WITHIN_SPLIT, Holds
from rsitmd_tools.formats.parts import (
    Records,
    check_unique,
    check_writable,
    dataset_of,
    file_prefix,
    files_in,
    in_folder,
    parts_of,
)
from rsitmd_tools.formats.registry import Format, in_image_folder
from rsitmd_tools.formats.tables import header_of, write_rows
from rsitmd_tools.text_files import read_rows

FILENAME, FILEPATH, TITLE = "filename", "filepath", "title"
_IMAGE_COLUMNS = (FILENAME, FILEPATH)
_IMAGES = "images/"


def recognises(path: Path) -> bool:
    """Return whether a path is such a CSV file, or a folder with such files."""
    if path.is_dir():
        return any(_is_pairs(file) for file in files_in(path, ".csv"))
    return path.suffix.lower() == ".csv" and _is_pairs(path)


def read(path: Path, image_folder: Path | None) -> Dataset:
    """Read one file, or the files of a folder. Other columns are kept as fields.

    A ``filepath`` that begins with ``images/`` is in the image folder.

    Raises:
        RsitmdError: A file has other columns, or a malformed line.
    """
    parts = parts_of(path, ".csv", _is_pairs)
    records = Records()
    for part in parts:
        if not _is_pairs(part.file):
            raise RsitmdError(
                f"has no columns {FILENAME} and {TITLE}", where=part.file, hint="add this header"
            )
        header = header_of(part.file)
        column = next(name for name in _IMAGE_COLUMNS if name in header)
        others = [name for name in header if name and name not in (*_IMAGE_COLUMNS, TITLE)]
        for line, row in read_rows(part.file):
            name = row[column]
            if not name.strip():
                raise RsitmdError(
                    f"line {line} has no file name", where=part.file, hint="fix this line"
                )
            if column == FILENAME:
                name = in_folder(name, row.get(FILEPATH))
            if FILEPATH in row and name != _IMAGES:
                name = name.removeprefix(_IMAGES)
            extra = {other: row[other] for other in others}
            records.add(name, [row[TITLE]], split=part.split, extra=extra)
    return dataset_of(path, parts, records, FORMAT.name, image_folder)


def write(dataset: Dataset, folder: Path, *, column: str = FILENAME, delimiter: str = ",") -> None:
    """Write a file for each split.

    Args:
        dataset: The dataset.
        folder: The folder.
        column: ``filename``, the location in the image folder, or ``filepath``, the path from
            the folder of the CSV file.
        delimiter: A comma or a tab.

    Raises:
        RsitmdError: An image has no split or no sentence, or two of a split have one file.
    """
    check_writable(dataset, FORMAT.name, captions=True)
    check_unique(dataset)
    prefix = file_prefix(dataset)
    for split in dataset.splits:
        rows = [
            (in_image_folder(image) if column == FILEPATH else image.location, caption)
            for image in dataset.select(split)
            for caption in image.captions
        ]
        write_rows(folder / f"{prefix}_{split}.csv", (column, TITLE), rows, delimiter)


def _is_pairs(file: Path) -> bool:
    header = header_of(file)
    return TITLE in header and any(name in header for name in _IMAGE_COLUMNS)


FORMAT = Format(
    "open-clip-csv",
    "<name>_{train,val,test}.csv with filename,title",
    recognises,
    read,
    write,
    holds=Holds(
        sentences=SOME,
        splits=REQUIRED,
        categories=IN_NAME,
        name=IN_NAME,
        order=WITHIN_SPLIT,
    ),
    variants={
        "filename-comma": write,
        "filename-tab": partial(write, delimiter="\t"),
        "filepath-comma": partial(write, column=FILEPATH),
        "filepath-tab": partial(write, column=FILEPATH, delimiter="\t"),
    },
)
