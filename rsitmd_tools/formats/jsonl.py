"""``jsonl``: one JSON object per line: an image and its captions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rsitmd_tools.atomic import write_text
from rsitmd_tools.dataset.records import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.formats.holds import YES, Holds, without
from rsitmd_tools.formats.parts import (
    Key,
    Records,
    check_unique,
    dataset_of,
    files_in,
    head_of,
    in_folder,
    malformed,
    part_of,
    split_value,
    string,
    strings,
)
from rsitmd_tools.formats.registry import Format
from rsitmd_tools.formats.rsitmd import parse_json, sentence_of
from rsitmd_tools.text_files import read_text

FILENAME = "captions.jsonl"
IMAGE_FIELDS = ("filename", "file_name", "image")
_CAPTIONS = ("captions", "sentences", "caption", "text")
_OTHERS = ("split", "category", "keywords", "filepath")
_FIELDS = frozenset((*IMAGE_FIELDS, *_CAPTIONS, *_OTHERS))


def recognises(path: Path) -> bool:
    """Return whether a path is such a file, or a folder with one."""
    if path.is_dir():
        return any(_is_lines(file) for file in files_in(path, ".jsonl"))
    return path.suffix.lower() == ".jsonl" and _is_lines(path)


def read(path: Path, image_folder: Path | None) -> Dataset:
    """Read the file.

    Raises:
        RsitmdError: There is no such file, or it has a malformed line.
    """
    file = path if path.is_file() else _file_in(path)
    part = part_of(file)
    records = Records()
    for number, entry in objects_in(file):
        add_entry(records, entry, file, f"line {number}:", part.split)
    return dataset_of(path, [part], records, FORMAT.name, image_folder)


def write(dataset: Dataset, folder: Path) -> None:
    """Write ``captions.jsonl``.

    Raises:
        RsitmdError: Two images of a split have one file.
    """
    check_unique(dataset)
    lines = [line_of({**entry_of(image), "split": image.split}) for image in dataset]
    write_text(folder / FILENAME, "".join(lines))


def objects_in(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number and the object of each line that is not blank.

    Raises:
        RsitmdError: A line is not a JSON object.
    """
    for number, text in enumerate(read_text(file).split("\n"), 1):
        if not text.strip():
            continue
        try:
            entry = parse_json(text)
        except (ValueError, RecursionError) as error:
            raise RsitmdError(
                f"line {number} is not JSON ({reason(error)})", where=file, hint="fix this line"
            ) from error
        if not isinstance(entry, dict):
            raise malformed(file, f"line {number}", "is not an object")
        yield number, entry


def add_entry(
    records: Records,
    entry: Mapping[str, Any],
    file: Path,
    where: str,
    split: str | None,
    folder: str = "",
    names: Sequence[str] = IMAGE_FIELDS,
) -> Key:
    """Add an image and its captions to records.

    Args:
        records: The records.
        entry: The object.
        file: Its file, for errors.
        where: Its place in the file, for errors.
        split: The split, if the object has none.
        folder: Folder of the image file, with a slash at its end; empty for the image folder.
        names: Fields of the file; the first one that the object has is used.

    Returns:
        The key of the record.

    Raises:
        RsitmdError: A field is missing or has the wrong type.
    """
    image = next((name for name in names if name in entry), names[0])
    texts = next((name for name in _CAPTIONS if name in entry), _CAPTIONS[0])
    # Null is an empty list, see the format webdataset; a missing field is an error.
    captions = entry.get(texts, False)
    category = entry.get("category")
    if category is not None and not isinstance(category, str):
        raise malformed(file, f"{where} category", "is not a string")
    name = string(entry.get(image), file, f"{where} {image}")
    return records.add(
        folder + in_folder(name, entry.get("filepath")),
        _sentences([] if captions is None else captions, file, f"{where} {texts}"),
        split=split_value(entry.get("split"), file, f"{where} split") or split,
        category=category,
        keywords=strings(entry.get("keywords") or [], file, f"{where} keywords"),
        # A second name for the file or the captions is a field like any other.
        extra=without(entry, {image, texts, *_OTHERS}),
    )


def entry_of(image: ImageRecord, name: str = IMAGE_FIELDS[0]) -> dict[str, Any]:
    """Return the object of an image, without its split.

    Args:
        image: The image.
        name: Field of its file.
    """
    return {
        name: image.location,  # first: the format is recognised by the beginning of a file
        "category": image.category,
        "captions": list(image.captions),
        "keywords": list(image.keywords),
        **without(image.extra, _FIELDS),
    }


def line_of(entry: Mapping[str, Any]) -> str:
    """Return an object as a line of JSON.

    Raises:
        ValueError: A number is not finite.
        RecursionError: It is nested too deeply.
    """
    return json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n"


def _sentences(value: Any, file: Path, key: str) -> list[Sentence]:
    """Return captions: texts, or objects as in ``dataset_RSITMD.json``."""
    if not (isinstance(value, list) and any(isinstance(entry, dict) for entry in value)):
        return [Sentence(text) for text in strings(value, file, key)]
    return [sentence_of(entry, file, f"{key}[{index}]") for index, entry in enumerate(value)]


def _is_lines(file: Path) -> bool:
    line = head_of(file).lstrip().split("\n", 1)[0]
    return line.startswith("{") and any(f'"{name}"' in line for name in IMAGE_FIELDS)


def _file_in(folder: Path) -> Path:
    files = [file for file in files_in(folder, ".jsonl") if _is_lines(file)]
    if len(files) != 1:
        what = "has several JSON Lines files" if files else "has no JSON Lines file of captions"
        raise RsitmdError(what, where=folder, hint="pass the file")
    return files[0]


HOLDS = Holds(categories=YES, keywords=YES, image_fields=YES, own_image_fields=_FIELDS)
FORMAT = Format(
    "jsonl",
    "a JSON object with filename and captions a line",
    recognises,
    read,
    write,
    holds=HOLDS,
)
