"""``jsonl``: one JSON object per line: an image and its captions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rsitmd_tools.atomic import write_text
from rsitmd_tools.dataset.records import Dataset, Sentence
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.formats.parts import (
    Records,
    dataset_of,
    files_in,
    head_of,
    malformed,
    part_of,
    split_value,
    string,
    strings,
)
from rsitmd_tools.formats.registry import Format, read_text

FILENAME = "captions.jsonl"
_IMAGE = ("filename", "image", "file_name")
_CAPTIONS = ("captions", "sentences", "caption")
_FIELDS = {*_IMAGE, *_CAPTIONS, "split", "category", "keywords", "filepath"}


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
    for number, text in enumerate(read_text(file).split("\n"), 1):
        if text.strip():
            _add(records, _object(text, file, number), file, f"line {number}:", part.split)
    return dataset_of(path, [part], records.images(), FORMAT.name, image_folder)


def write(dataset: Dataset, folder: Path) -> None:
    """Write ``captions.jsonl``."""
    lines = []
    for image in dataset:
        entry: dict[str, Any] = {
            **{key: value for key, value in image.extra.items() if key not in _FIELDS},
            "filename": image.location,
            "split": image.split,
            "category": image.category,
            "captions": list(image.captions),
            "keywords": list(image.keywords),
        }
        lines.append(json.dumps(entry, ensure_ascii=False) + "\n")
    write_text(folder / FILENAME, "".join(lines))


def _object(text: str, file: Path, number: int) -> dict[str, Any]:
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RsitmdError(
            f"line {number} is not JSON ({reason(error)})", where=file, hint="fix this line"
        ) from error
    if not isinstance(entry, dict):
        raise malformed(file, f"line {number}", "is not an object")
    return entry


def _add(
    records: Records, entry: dict[str, Any], file: Path, where: str, split: str | None
) -> None:
    image = next((name for name in _IMAGE if name in entry), _IMAGE[0])
    texts = next((name for name in _CAPTIONS if name in entry), _CAPTIONS[0])
    category = entry.get("category")
    if category is not None and not isinstance(category, str):
        raise malformed(file, f"{where} category", "is not a string")
    records.add(
        string(entry.get(image), file, f"{where} {image}"),
        _sentences(entry.get(texts), file, f"{where} {texts}"),
        split=split_value(entry.get("split"), file, f"{where} split") or split,
        category=category,
        keywords=strings(entry.get("keywords") or [], file, f"{where} keywords"),
        extra={key: value for key, value in entry.items() if key not in _FIELDS},
    )


def _sentences(value: Any, file: Path, key: str) -> list[Sentence]:
    """Return captions: texts, or objects with ``raw`` and ``annotator``."""
    if not (isinstance(value, list) and any(isinstance(entry, dict) for entry in value)):
        return [Sentence(text) for text in strings(value, file, key)]
    found = []
    for index, entry in enumerate(value):
        raw = entry.get("raw") if isinstance(entry, dict) else entry
        annotator = entry.get("annotator") if isinstance(entry, dict) else None
        if not isinstance(raw, str) or not isinstance(annotator, str | None):
            raise malformed(file, f"{key}[{index}]", "has no text 'raw'")
        found.append(Sentence(raw, annotator))
    return found


def _is_lines(file: Path) -> bool:
    line = head_of(file).lstrip().split("\n", 1)[0]
    return line.startswith("{") and any(f'"{name}"' in line for name in _IMAGE)


def _file_in(folder: Path) -> Path:
    files = [file for file in files_in(folder, ".jsonl") if _is_lines(file)]
    if len(files) != 1:
        what = "has several JSON Lines files" if files else "has no JSON Lines file of captions"
        raise RsitmdError(what, where=folder, hint="pass the file")
    return files[0]


FORMAT = Format("jsonl", "a JSON object with filename and captions a line", recognises, read, write)
