"""``csv``: one line per image or caption, with columns for split, category and ids.

Captions are a list in Python's notation (``RSITMD.csv``) or one text a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rsitmd_tools.dataset.records import Dataset, Sentence
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats.holds import IDS, YES, Holds
from rsitmd_tools.formats.parts import (
    Records,
    check_unique,
    dataset_of,
    files_in,
    in_folder,
    part_of,
    split_value,
)
from rsitmd_tools.formats.registry import Format
from rsitmd_tools.formats.tables import header_of, list_literal, write_rows
from rsitmd_tools.text_files import read_rows

FILENAME = "captions.csv"
_IMAGE = ("filename", "file_name", "image", "filepath", "image_path", "img")
_CAPTIONS = ("sentence", "sentences", "caption", "captions", "raw", "text")
_CATEGORY = ("label", "category", "class")
_SPLIT = ("split",)
_KEYWORDS = ("keywords",)
_ANNOTATOR, _FOLDER = "annotator", "filepath"
_HEADER = ("filename", "img_id", "split", "label", "sent_id", "sentence", "keywords")


def recognises(path: Path) -> bool:
    """Return whether a path is a CSV file of captions, or a folder with one."""
    if path.is_dir():
        return any(_is_table(file) for file in files_in(path, ".csv"))
    return path.suffix.lower() == ".csv" and _is_table(path)


def read(path: Path, image_folder: Path | None) -> Dataset:
    """Read the file. Columns that are not known are kept as fields.

    With one caption a line, a column ``annotator`` has the annotators of the captions.

    Raises:
        RsitmdError: There is no such file, or it has a malformed line.
    """
    file = path if path.is_file() else _file_in(path)
    header = header_of(file)
    image, text = _column(header, _IMAGE), _column(header, _CAPTIONS)
    if image is None or text is None:
        raise RsitmdError(
            f"has no column {_IMAGE[0]} or {_CAPTIONS[0]}",
            where=file,
            hint="name the columns in the first line",
        )
    category, split = _column(header, _CATEGORY), _column(header, _SPLIT)
    words = _column(header, _KEYWORDS)
    # A column without a name is the number of the line.
    others = set(header) - {image, text, category, split, words, "", _FOLDER}
    part = part_of(file)
    records = Records()
    for line, row in read_rows(file):
        if not row[image].strip():
            raise RsitmdError(f"line {line} has no file name", where=file, hint="fix this line")
        texts = _texts(row[text], file, line, text)
        extra = {name: row[name] for name in header if name in others}
        captions: Sequence[str | Sentence] = texts if isinstance(texts, list) else []
        if isinstance(texts, str):
            captions = [Sentence(texts, extra.pop(_ANNOTATOR, "") or None)]
        records.add(
            row[image] if image == _FOLDER else in_folder(row[image], row.get(_FOLDER)),
            captions,
            split=part.split if split is None else split_value(row[split], file, split),
            category=(row[category] or None) if category is not None else None,
            keywords=_keywords(row[words], file, line, words) if words is not None else (),
            extra=extra,
        )
    return dataset_of(path, [part], records, FORMAT.name, image_folder)


def write(dataset: Dataset, folder: Path) -> None:
    """Write ``captions.csv`` in the columns of ``RSITMD.csv``, and one of keywords.

    Ids that were read from such a file are kept.

    Raises:
        RsitmdError: Two images of a split have one file.
    """
    check_unique(dataset)
    rows: list[tuple[object, ...]] = []
    first = 0
    for number, image in enumerate(dataset):
        ids = list(range(first, first + len(image.sentences)))
        first += len(ids)
        rows.append(
            (
                image.location,
                image.extra.get("img_id", number),
                image.split or "",
                image.category or "",
                image.extra.get("sent_id", ids),
                list(image.captions),
                list(image.keywords),
            )
        )
    write_rows(folder / FILENAME, _HEADER, rows)


def _texts(cell: str, file: Path, line: int, column: str) -> str | list[str]:
    """Return the captions of a cell, or its text if it is one caption.

    A sentence can begin with a bracket, so that only what also ends with one is a list.
    """
    text = cell.strip()
    is_list = text.startswith("[") and text.endswith("]")
    return list_literal(text, file, line, column) if is_list else cell


def _keywords(cell: str, file: Path, line: int, column: str) -> list[str]:
    if cell.lstrip().startswith("["):
        return list_literal(cell, file, line, column)
    return [part.strip() for part in cell.split(",") if part.strip()]


def _column(header: Sequence[str], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in header), None)


def _is_table(file: Path) -> bool:
    header = header_of(file)
    return _column(header, _IMAGE) is not None and _column(header, _CAPTIONS) is not None


def _file_in(folder: Path) -> Path:
    files = [file for file in files_in(folder, ".csv") if _is_table(file)]
    if len(files) != 1:
        what = "has several CSV files of captions" if files else "has no CSV file of captions"
        raise RsitmdError(what, where=folder, hint="pass the file")
    return files[0]


FORMAT = Format(
    "csv",
    "a CSV file with the columns filename and sentence",
    recognises,
    read,
    write,
    holds=Holds(categories=YES, keywords=YES, image_fields=IDS),
)
