"""``open-clip-csv``: ``<name>_{train,val,test}.csv``, ``filename,title`` for each caption."""

from __future__ import annotations

from pathlib import Path

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats.parts import (
    Records,
    check_writable,
    dataset_of,
    file_prefix,
    files_in,
    parts_of,
)
from rsitmd_tools.formats.registry import Format
from rsitmd_tools.formats.tables import header_of, read_rows, write_rows

# The columns of published files, and those that OpenCLIP expects by default.
IMAGE, TITLE = "filename", "title"
_IMAGE_COLUMNS = (IMAGE, "filepath")


def recognises(path: Path) -> bool:
    """Return whether a path is such a CSV file, or a folder with such files."""
    if path.is_dir():
        return any(_is_pairs(file) for file in files_in(path, ".csv"))
    return path.suffix.lower() == ".csv" and _is_pairs(path)


def read(path: Path, image_folder: Path | None) -> Dataset:
    """Read one file, or the files of a folder.

    Raises:
        RsitmdError: A file has other columns, or a malformed line.
    """
    parts = parts_of(path, ".csv", _is_pairs)
    records = Records()
    for part in parts:
        if not _is_pairs(part.file):
            raise RsitmdError(
                f"has no columns {IMAGE} and {TITLE}", where=part.file, hint="add this header"
            )
        column = next(name for name in _IMAGE_COLUMNS if name in header_of(part.file))
        for line, row in read_rows(part.file):
            if not row[column].strip():
                raise RsitmdError(
                    f"line {line} has no file name", where=part.file, hint="fix this line"
                )
            records.add(row[column], [row[TITLE]], split=part.split)
    return dataset_of(path, parts, records.images(), FORMAT.name, image_folder)


def write(dataset: Dataset, folder: Path) -> None:
    """Write a file for each split, images with their location.

    Raises:
        RsitmdError: An image has no split, or no sentence.
    """
    check_writable(dataset, FORMAT.name, captions=True)
    prefix = file_prefix(dataset)
    for split in dataset.splits:
        rows = [(i.location, caption) for i in dataset.select(split) for caption in i.captions]
        write_rows(folder / f"{prefix}_{split}.csv", (IMAGE, TITLE), rows)


def _is_pairs(file: Path) -> bool:
    header = header_of(file)
    return TITLE in header and any(name in header for name in _IMAGE_COLUMNS)


FORMAT = Format(
    "open-clip-csv", "<name>_{train,val,test}.csv with filename,title", recognises, read, write
)
