"""``coco``: ``captions_<split>.json`` with the lists ``images`` and ``annotations``.

COCO has no name of the dataset, no categories and keywords of images and no annotators of captions.
They are further fields, which other readers ignore.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rsitmd_tools.atomic import write_json
from rsitmd_tools.dataset.records import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats.holds import NO, REQUIRED, WITHIN_SPLIT, without
from rsitmd_tools.formats.parts import (
    Part,
    Records,
    check_unique,
    check_writable,
    dataset_of,
    files_in,
    in_folder,
    malformed,
    object_in,
    parts_of,
    string,
)
from rsitmd_tools.formats.registry import Format
from rsitmd_tools.formats.rsitmd import FILENAME as OTHER
from rsitmd_tools.formats.rsitmd import (
    HOLDS,
    OPTIONAL_FIELDS,
    load_document,
    optional_fields,
    sentence_of,
)

_SUBFOLDER = "annotations"
_DATASET_FIELDS = frozenset(("dataset", "images", "annotations"))
_IMAGE_FIELDS = frozenset(("id", "file_name", "filepath", "category", "keywords"))
_SENTENCE_FIELDS = frozenset(("id", "image_id", "caption", "annotator"))
_NO_CAPTIONS = re.compile(rb'"annotations"\s*:\s*\[\s*\]')


def recognises(path: Path) -> bool:
    """Return whether a path is a COCO file of captions, or a folder with such files."""
    if path.is_dir():
        return any(_is_coco(file) for file in files_in(_folder(path), ".json"))
    return path.suffix == ".json" and _is_coco(path)


def read(path: Path, image_folder: Path | None) -> Dataset:
    """Read one file, or the files of a folder or of its subfolder ``annotations``.

    The name and the other fields of the dataset, such as ``info``, are those of the first file that
    has them.

    Raises:
        RsitmdError: A file is malformed, or a caption belongs to no image.
    """
    parts = parts_of(_folder(path), ".json", _is_coco)
    records = Records()
    fields: dict[str, Any] = {}
    for part in parts:
        fields = _read_part(part, records) | fields
    data = dataset_of(path, parts, records, FORMAT.name, image_folder)
    name = fields.get("dataset")
    return replace(
        data,
        name=name if isinstance(name, str) else data.name,
        extra=without(fields, {"dataset"} if isinstance(name, str) else set()),
    )


def write(dataset: Dataset, folder: Path) -> None:
    """Write a file for each split, with new ids.

    Raises:
        RsitmdError: An image has no split, or two of a split have one file.
    """
    check_writable(dataset, FORMAT.name, captions=False)
    check_unique(dataset)
    image_id = caption_id = 0
    for split in dataset.splits:
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for image in dataset.select(split):
            images.append({"id": image_id, **_image_fields(image)})
            for sentence in image.sentences:
                ids = {"id": caption_id, "image_id": image_id}
                annotations.append({**ids, **_sentence_fields(sentence)})
                caption_id += 1
            image_id += 1
        write_json(
            folder / f"captions_{split}.json",
            {
                "info": {"description": dataset.name},
                **without(dataset.extra, _DATASET_FIELDS),
                "dataset": dataset.name,
                "images": images,
                "annotations": annotations,
            },
        )


def _image_fields(image: ImageRecord) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "file_name": image.location,
        **without(image.extra, _IMAGE_FIELDS),
    }
    if image.category is not None:
        fields["category"] = image.category
    if image.keywords:
        fields["keywords"] = list(image.keywords)
    return fields


def _sentence_fields(sentence: Sentence) -> dict[str, Any]:
    extra = without(sentence.extra, _SENTENCE_FIELDS)
    return {"caption": sentence.raw, **extra, **optional_fields(sentence)}


def _read_part(part: Part, records: Records) -> dict[str, Any]:
    """Add the images and captions of a file to records; return the fields of the dataset."""
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
        name = string(entry.get("file_name"), file, f"{key}.file_name")
        path = paths[number] = in_folder(name, entry.get("filepath"))
        if path in files:
            records.notes.append(f"{file.name}: two images have the file {path!r}")
        files.add(path)
        _add_image(records, path, entry, part)
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
        records.add(paths[number], [_sentence(entry, file, key)], split=part.split)
    # Our own files have this info if no other was known.
    invented = document.get("info") == {"description": document.get("dataset")}
    return without(document, {"images", "annotations", *(["info"] if invented else [])})


def _add_image(records: Records, path: str, entry: Mapping[str, Any], part: Part) -> None:
    """Add an image without its captions.

    In files of other tools, a category or keywords of another type mean something else. Then they
    are fields like any other.
    """
    category, keywords = entry.get("category"), entry.get("keywords")
    named = isinstance(category, str)
    words = isinstance(keywords, list) and all(isinstance(word, str) for word in keywords)
    own = {"id", "file_name", "filepath", *["category"] * named, *["keywords"] * words}
    records.add(
        path,
        (),
        split=part.split,
        category=category if named else None,
        keywords=keywords if words and keywords else (),
        extra=without(entry, own),
    )


def _sentence(entry: Mapping[str, Any], file: Path, key: str) -> Sentence:
    caption = entry.get("caption")
    if not isinstance(caption, str):
        raise malformed(file, f"{key}.caption", "is missing or not a string")
    known = {name: entry[name] for name in OPTIONAL_FIELDS if name in entry}
    if not isinstance(known.get("annotator"), str):  # the number of one is another field
        known.pop("annotator", None)
    sentence = sentence_of({**known, "raw": caption}, file, key)
    others = without(entry, {"id", "image_id", "caption", *known})
    return replace(sentence, extra={**others, **sentence.extra})


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
    data = b"" if file.name == OTHER else object_in(file)
    captions = b'"annotations"' in data and b'"image_id"' in data
    return b'"file_name"' in data and (captions or bool(_NO_CAPTIONS.search(data)))


FORMAT = Format(
    "coco",
    "captions_<split>.json of COCO, or its folder",
    recognises,
    read,
    write,
    holds=replace(
        HOLDS,
        splits=REQUIRED,
        tokens=NO,
        order=WITHIN_SPLIT,
        own_image_fields=_IMAGE_FIELDS,
        own_sentence_fields=_SENTENCE_FIELDS,
        own_dataset_fields=_DATASET_FIELDS,
    ),
)
