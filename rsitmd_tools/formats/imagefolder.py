"""``imagefolder`` of Hugging Face: ``<split>/metadata.jsonl`` beside the images of the split."""

from __future__ import annotations

import sys
from collections.abc import Set
from dataclasses import replace
from pathlib import Path

from rsitmd_tools.atomic import write_text
from rsitmd_tools.dataset.records import SPLITS, Dataset, ImageRecord, split_order
from rsitmd_tools.errors import RsitmdError, printable
from rsitmd_tools.formats.holds import WITHIN_SPLIT
from rsitmd_tools.formats.jsonl import HOLDS, IMAGE_FIELDS, add_entry, entry_of, line_of, objects_in
from rsitmd_tools.formats.parts import (
    Part,
    Records,
    check_unique,
    check_writable,
    dataset_of,
    head_of,
    spelled_split,
)
from rsitmd_tools.formats.registry import Format

FILENAME = "metadata.jsonl"
FIELD = "file_name"
NAMES = (FIELD, *IMAGE_FIELDS)


def recognises(path: Path) -> bool:
    """Return whether a path is such a file, or a folder with one for each split."""
    files = [part.file for part in _parts(path)] if path.is_dir() else [path]
    return any(file.name == FILENAME and f'"{FIELD}"' in head_of(file) for file in files)


def read(path: Path, image_folder: Path | None) -> Dataset:
    """Read the files of a folder, or one of them.

    The location of an image begins with the folder of its split.

    Raises:
        RsitmdError: There is no such file, or it has a malformed line.
    """
    root = path if path.is_dir() else path.parent
    parts = _parts(root) if path.is_dir() else [_part(path, root)]
    if not parts:
        raise RsitmdError(f"has no {FILENAME}", where=path, hint="pass the folder of the splits")
    records = Records()
    for part in parts:
        folder = "" if part.file.parent == root else f"{part.file.parent.name}/"
        for number, entry in objects_in(part.file):
            where = f"line {number}:"
            # Null is no split, whatever the name of the folder is.
            split = None if entry.get("split", "") is None else part.split
            add_entry(records, entry, part.file, where, split, folder, NAMES)
    if path.is_dir():
        _report_unread(root, {part.file for part in parts})
    data = dataset_of(path, parts, records, FORMAT.name, image_folder)
    if image_folder is None and any((root / image.location).is_file() for image in data):
        data = replace(data, image_folder=root)
    return data


def write(dataset: Dataset, folder: Path) -> None:
    """Write ``metadata.jsonl`` into a folder for each split; without splits, into one folder.

    Raises:
        RsitmdError: A split has another name than train, val and test, or two images of a split
            would have the same file.
    """
    check_writable(dataset, FORMAT.name, split=False, captions=False)
    check_unique(dataset, image_at)
    lines: dict[str, list[str]] = {}
    for image in dataset:
        place = image_at(image)
        split, name = image.split or "", place
        entry = entry_of(image, FIELD)
        if split:
            name = place.removeprefix(f"{split}/")
        else:
            entry["split"] = None  # the folder can be named as a split
        entry[FIELD] = name
        lines.setdefault(split, []).append(line_of(entry))
    for split, entries in lines.items():
        write_text(folder / split / FILENAME, "".join(entries))


def image_at(image: ImageRecord) -> str:
    """Return the path of an image file: in the folder of its split, beside ``metadata.jsonl``."""
    if image.split is None:
        return image.location
    return f"{image.split}/{image.location.removeprefix(f'{image.split}/')}"


def _parts(folder: Path) -> list[Part]:
    """Return the files of a folder: without a split, then in the order of the splits."""
    try:
        folders = sorted(entry for entry in folder.iterdir() if spelled_split(entry.name))
    except OSError:
        return []
    parts = [_part(part / FILENAME, folder) for part in (folder, *folders)]
    parts = [part for part in parts if part.file.is_file()]
    return sorted(parts, key=lambda part: split_order(part.split))


def _report_unread(root: Path, read_files: Set[Path]) -> None:
    """Name the files of metadata that are not read on stderr."""
    found = {*root.glob("metadata.*"), *root.glob("*/metadata.*")}
    unread = sorted(
        file.relative_to(root).as_posix()
        for file in found - read_files
        if file.suffix in (".jsonl", ".csv", ".parquet") and file.is_file()
    )
    if unread:
        names = f"{FILENAME} is read in the folders {', '.join(SPLITS)}"
        line = f"{root}: ignored: {', '.join(unread)}; {names}"
        print(printable(line), file=sys.stderr, flush=True)


def _part(file: Path, root: Path) -> Part:
    inside = file.parent.resolve()
    split = spelled_split(inside.name)
    name = root.resolve().name if split is None or file.parent != root else inside.parent.name
    return Part(file, name, split)


FORMAT = Format(
    "imagefolder",
    f"{FILENAME} of Hugging Face beside the images, in a folder for each split",
    recognises,
    read,
    write,
    holds=replace(HOLDS, order=WITHIN_SPLIT),
    image_at=image_at,
    images_by_default=True,
)
