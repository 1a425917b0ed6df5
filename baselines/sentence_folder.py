"""The folder of a pretrained sentence encoder, as saved by sentence-transformers."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from rsitmd_tools.atomic import atomic_folder
from rsitmd_tools.errors import RsitmdError, structure_reason
from rsitmd_tools.hashing import sha256_file

# The file that names the classes of the encoder's modules.
MODULES = "modules.json"
PACKAGE = "sentence_transformers."
# Other modules can have pickled weights, or name classes of their own.
CLASSES = ("Transformer", "Pooling", "Normalize")
# Files of settings, vocabularies and weights.
SUFFIXES = (".json", ".txt", ".safetensors", ".model", ".spm")
SAVED_HINT = "use a folder saved by sentence-transformers, with weights as .safetensors"


def folder_checksum(folder: Path) -> str:
    """Return the SHA-256 of the names and contents of the files of an encoder that are read.

    Raises:
        RsitmdError: The folder does not exist, is not one of sentence-transformers, or has
            modules other than ``CLASSES``.
    """
    if not folder.is_dir():
        raise RsitmdError("does not exist", where=folder, hint=SAVED_HINT)
    _check_classes(folder)
    key = hashlib.sha256()
    for file in _files(folder):
        key.update(f"{file.relative_to(folder).as_posix()} {sha256_file(file)}\n".encode())
    return key.hexdigest()


def copy_folder(source: Path, target: Path) -> None:
    """Copy the files of an encoder that are read. An earlier copy is replaced.

    Raises:
        RsitmdError: The target cannot be written.
    """
    with atomic_folder(target, replace=True) as partial:
        for file in _files(source):
            copy = partial / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


def _files(folder: Path) -> list[Path]:
    return [f for f in sorted(folder.rglob("*")) if f.suffix in SUFFIXES and f.is_file()]


def _check_classes(folder: Path) -> None:
    """Check that the folder names no code of its own, which the library could execute.

    Raises:
        RsitmdError: It does, or is not a folder of sentence-transformers.
    """
    file = folder / MODULES
    try:
        classes = [str(module["type"]) for module in json.loads(file.read_text(encoding="utf-8"))]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RsitmdError(
            f"is not a sentence encoder ({MODULES}: {structure_reason(error)})",
            where=folder,
            hint=SAVED_HINT,
        ) from error
    for name in classes:
        if not name.startswith(PACKAGE) or name.rpartition(".")[2] not in CLASSES:
            raise RsitmdError(
                f"the module {name} is not supported",
                where=file,
                hint=f"use an encoder of {', '.join(CLASSES)} of sentence-transformers",
            )
