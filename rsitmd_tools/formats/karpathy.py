"""``karpathy``: ``dataset.json`` of RSICD, UCM-captions, Sydney-captions and COCO.

The fields are those of ``rsitmd``, which reads single JSON files. This format is the folder, and
the file that other tools read: its tokens have no punctuation.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rsitmd_tools.atomic import write_json
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import rsitmd
from rsitmd_tools.formats.holds import REQUIRED
from rsitmd_tools.formats.parts import check_writable, files_in, head_of
from rsitmd_tools.formats.registry import Format

FILENAME = "dataset.json"


def recognises(path: Path) -> bool:
    """Return whether a folder contains ``dataset.json`` or ``dataset_<name>.json``."""
    return path.is_dir() and bool(_files(path))


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


FORMAT = Format(
    "karpathy",
    f"a folder with {FILENAME}",
    recognises,
    read,
    write,
    holds=replace(rsitmd.HOLDS, splits=REQUIRED),
)
