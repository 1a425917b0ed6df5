"""``albef``: ``<name>_{train,val,test}.json``, lists of images and captions.

In ``train`` each caption is an entry, in ``val`` and ``test`` each image. Any file may have both.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rsitmd_tools.atomic import write_json
from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.formats.holds import (
    IN_NAME,
    REQUIRED,
    SOME,
    WITHIN_SPLIT,
    YES,
    Holds,
    without,
)
from rsitmd_tools.formats.parts import (
    Records,
    check_unique,
    check_writable,
    dataset_of,
    file_prefix,
    files_in,
    head_of,
    in_folder,
    malformed,
    part_of,
    parts_of,
    string,
    strings,
)
from rsitmd_tools.formats.registry import Format
from rsitmd_tools.formats.rsitmd import load_document

# image_id is not kept: the number of an image in one file means nothing in another one.
_FIELDS = frozenset(("image", "image_id", "caption", "label_name", "keywords", "filepath"))
_LIST = re.compile(r"\s*\[\s*\{")


def recognises(path: Path) -> bool:
    """Return whether a path is a list of images and captions, or a folder with such files."""
    if path.is_dir():
        return any(_is_part(file) for file in files_in(path, ".json"))
    return path.suffix == ".json" and _is_list(path)


def read(path: Path, image_folder: Path | None) -> Dataset:
    """Read one file, or the files of a folder.

    Raises:
        RsitmdError: A file is not such a list; the message names the entry.
    """
    parts = parts_of(path, ".json", _is_part)
    records = Records()
    for part in parts:
        document = load_document(part.file)
        if not isinstance(document, list):
            raise malformed(part.file, "document", "is not a list")
        for index, entry in enumerate(document):
            _add(records, entry, part.file, f"[{index}]", part.split)
    return dataset_of(path, parts, records, FORMAT.name, image_folder)


def write(dataset: Dataset, folder: Path) -> None:
    """Write a file for each split, images with their location.

    Raises:
        RsitmdError: An image has no split or no sentence, or two of a split have one file.
    """
    check_writable(dataset, FORMAT.name, captions=True)
    check_unique(dataset)
    prefix = file_prefix(dataset)
    for split in dataset.splits:
        images = dataset.select(split).images
        if split == "train":
            entries = [
                {**_entry(image, caption), "image_id": number}
                for number, image in enumerate(images)
                for caption in image.captions
            ]
        else:
            entries = [_entry(image, list(image.captions)) for image in images]
        write_json(folder / f"{prefix}_{split}.json", entries)


def _entry(image: ImageRecord, caption: str | list[str]) -> dict[str, Any]:
    # These are first, because the format is recognised by the beginning of a file.
    entry: dict[str, Any] = {"image": image.location, "caption": caption}
    if image.category is not None:
        entry["label_name"] = image.category
    if image.keywords:
        entry["keywords"] = list(image.keywords)
    return entry | without(image.extra, _FIELDS)


def _add(records: Records, entry: Any, file: Path, key: str, split: str | None) -> None:
    if not isinstance(entry, dict):
        raise malformed(file, key, "is not an object")
    category = entry.get("label_name")
    if category is not None and not isinstance(category, str):
        raise malformed(file, f"{key}.label_name", "is not a string")
    name = string(entry.get("image"), file, f"{key}.image")
    records.add(
        in_folder(name, entry.get("filepath")),
        strings(entry.get("caption"), file, f"{key}.caption"),
        split=split,
        category=category,
        keywords=strings(entry.get("keywords", []), file, f"{key}.keywords"),
        extra=without(entry, _FIELDS),
    )


def _is_part(file: Path) -> bool:
    return part_of(file).split is not None and _is_list(file)


def _is_list(file: Path) -> bool:
    head = head_of(file)
    return bool(_LIST.match(head)) and '"image"' in head and '"caption"' in head


FORMAT = Format(
    "albef",
    "a folder with <name>_{train,val,test}.json, or a file",
    recognises,
    read,
    write,
    holds=Holds(
        sentences=SOME,
        splits=REQUIRED,
        categories=YES,
        keywords=YES,
        image_fields=YES,
        name=IN_NAME,
        order=WITHIN_SPLIT,
        own_image_fields=_FIELDS,
    ),
)
