"""``coco``: ``captions_<split>.json`` with the lists ``images`` and ``annotations``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rsitmd_tools.atomic import write_json
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.formats.holds import IN_NAME, REQUIRED, WITHIN_SPLIT, Holds
from rsitmd_tools.formats.parts import (
    Part,
    Records,
    check_writable,
    dataset_of,
    files_in,
    head_of,
    malformed,
    parts_of,
    string,
)
from rsitmd_tools.formats.registry import MAX_BYTES, Format
from rsitmd_tools.formats.rsitmd import FILENAME as OTHER
from rsitmd_tools.formats.rsitmd import load_document

_SUBFOLDER = "annotations"
_NO_CAPTIONS = re.compile(rb'"annotations"\s*:\s*\[\s*\]')


def recognises(path: Path) -> bool:
    """Return whether a path is a COCO file of captions, or a folder with such files."""
    if path.is_dir():
        return any(_is_coco(file) for file in files_in(_folder(path), ".json"))
    return path.suffix == ".json" and _is_coco(path)


def read(path: Path, image_folder: Path | None) -> Dataset:
    """Read one file, or the files of a folder or of its subfolder ``annotations``.

    Raises:
        RsitmdError: A file is malformed, or a caption belongs to no image.
    """
    parts = parts_of(_folder(path), ".json", _is_coco)
    records = Records()
    for part in parts:
        _read_part(part, records)
    return dataset_of(path, parts, records, FORMAT.name, image_folder)


def write(dataset: Dataset, folder: Path) -> None:
    """Write a file for each split, with new ids.

    Raises:
        RsitmdError: An image has no split.
    """
    check_writable(dataset, FORMAT.name, captions=False)
    image_id = caption_id = 0
    for split in dataset.splits:
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for image in dataset.select(split):
            images.append({"id": image_id, "file_name": image.location})
            for caption in image.captions:
                annotations.append({"id": caption_id, "image_id": image_id, "caption": caption})
                caption_id += 1
            image_id += 1
        write_json(
            folder / f"captions_{split}.json",
            {
                "info": {"description": dataset.name},
                "images": images,
                "annotations": annotations,
            },
        )


def _read_part(part: Part, records: Records) -> None:
    file = part.file
    document = load_document(file)
    if not isinstance(document, dict):
        raise malformed(file, "document", "is not an object")
    paths: dict[int | str, str] = {}
    files: set[str] = set()
    for index, entry in enumerate(_list(document, "images", file)):
        key = f"images[{index}]"
        number = _number(entry, "id", file, key)
        if number in paths:
            raise malformed(file, f"{key}.id", f"is {number} again")
        path = paths[number] = string(entry.get("file_name"), file, f"{key}.file_name")
        if path in files:
            records.notes.append(f"{file.name}: two images have the file {path!r}")
        files.add(path)
        records.add(path, (), split=part.split)
    seen: set[int | str] = set()
    for index, entry in enumerate(_list(document, "annotations", file)):
        key = f"annotations[{index}]"
        number = _number(entry, "image_id", file, key)
        if number not in paths:
            raise malformed(file, f"{key}.image_id", f"is {number}, which no image has")
        own = entry.get("id")
        if isinstance(own, int | str):
            if own in seen:
                records.notes.append(f"{file.name}: two annotations have the id {own}")
            seen.add(own)
        caption = entry.get("caption")
        if not isinstance(caption, str):
            raise malformed(file, f"{key}.caption", "is missing or not a string")
        records.add(paths[number], [caption], split=part.split)


def _list(document: dict[str, Any], name: str, file: Path) -> list[Any]:
    value = document.get(name)
    if not isinstance(value, list):
        raise malformed(file, name, "is not a list")
    return value


def _number(entry: Any, name: str, file: Path, key: str) -> int | str:
    if not isinstance(entry, dict):
        raise malformed(file, key, "is not an object")
    number = entry.get(name)
    if isinstance(number, bool) or not isinstance(number, int | str):
        raise malformed(file, f"{key}.{name}", "is neither a number nor a string")
    return number


def _folder(path: Path) -> Path:
    inner = path / _SUBFOLDER
    return inner if inner.is_dir() and not files_in(path, ".json") else path


def _is_coco(file: Path) -> bool:
    """Return whether a file has the keys of COCO; its lists can be in any order."""
    if file.name == OTHER or not head_of(file).lstrip().startswith("{"):
        return False
    try:
        if file.stat().st_size > MAX_BYTES:
            return False
        data = file.read_bytes()
    except OSError:
        return False
    captions = b'"annotations"' in data and b'"image_id"' in data
    return b'"file_name"' in data and (captions or bool(_NO_CAPTIONS.search(data)))


FORMAT = Format(
    "coco",
    "captions_<split>.json of COCO, or its folder",
    recognises,
    read,
    write,
    holds=Holds(splits=REQUIRED, categories=IN_NAME, order=WITHIN_SPLIT),
)
