"""``karpathy``: ``dataset.json`` of RSICD, UCM-captions, Sydney-captions and COCO.

The fields are those of ``rsitmd``, which reads the JSON files that no other format recognises. This
format is the folder, a file with the fields of Karpathy's layout alone, and the file that other
tools read: its tokens have no punctuation.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from rsitmd_tools.atomic import write_json
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import rsitmd
from rsitmd_tools.formats.holds import REQUIRED
from rsitmd_tools.formats.parts import check_writable, files_in, head_of, object_in
from rsitmd_tools.formats.registry import Format

FILENAME = "dataset.json"
# A file of this layout has all fields of the first list and none of the second, in no image.
_FIELDS = [
    re.compile(rf'"{name}"\s*:'.encode())
    for name in ("images", "filename", "imgid", "split", "sentids", "sentences", "raw", "tokens")
]
_FIELDS_OF_RSITMD = re.compile(rb'"(?:keywords|category|annotator|origin)"\s*:')


def recognises(path: Path) -> bool:
    """Return whether a path is a file of this layout, or a folder with one.

    The file in a folder is recognised by its name, ``dataset.json`` or ``dataset_<name>.json``. A
    path of a file is recognised by its fields: one with keywords, a category or an annotator is
    ``rsitmd``.
    """
    if path.is_dir():
        return bool(_files(path))
    return path.suffix == ".json" and _has_its_fields(path)


def read(path: Path, image_folder: Path | None) -> Dataset:
    """Read the JSON file.

    Raises:
        RsitmdError: The folder has several such files, or the file is malformed.
    """
    file = path
    if path.is_dir():
        files = _files(path)
        if len(files) != 1:
            what = "has no dataset.json" if not files else "has several files dataset_*.json"
            raise RsitmdError(what, where=path, hint="pass the file")
        [file] = files
    data = rsitmd.parse(rsitmd.load_document(file), file, image_folder)
    return replace(data, format=FORMAT.name)


def write(dataset: Dataset, folder: Path) -> None:
    """Write ``dataset.json``.

    Raises:
        RsitmdError: An image has no split.
    """
    check_writable(dataset, FORMAT.name, captions=False)
    document = rsitmd.document_of(dataset)
    for image in document["images"]:
        for sentence in image["sentences"]:
            sentence["tokens"] = [t for t in sentence["tokens"] if any(map(str.isalnum, t))]
    write_json(folder / FILENAME, document)


def _files(folder: Path) -> list[Path]:
    return [
        file
        for file in files_in(folder, ".json")
        if (file.name == FILENAME or file.name.startswith("dataset_"))
        and head_of(file).lstrip().startswith("{")
    ]


def _has_its_fields(file: Path) -> bool:
    data = b"" if file.name == rsitmd.FILENAME else object_in(file)
    return all(field.search(data) for field in _FIELDS) and not _FIELDS_OF_RSITMD.search(data)


FORMAT = Format(
    "karpathy",
    f"a folder with {FILENAME}, or such a file without keywords",
    recognises,
    read,
    write,
    holds=replace(rsitmd.HOLDS, splits=REQUIRED),
)
