"""What the readers of caption files share: parts named after their split, records by image."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rsitmd_tools.dataset.records import (
    SPLITS,
    Dataset,
    ImageRecord,
    Sentence,
    category_of,
    split_order,
)
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.text_files import MAX_BYTES

# Spellings of the splits in file names and columns.
_SPELLINGS = {"training": "train", "valid": "val", "validation": "val", "testing": "test"}
_DRIVE = re.compile(r"[A-Za-z]:/")
# Files and folders that have this name in every dataset of their format: they name no dataset.
_COMMON = "captions"
_COMMON_FOLDER = "annotations"
_HEAD = 65536
Key = tuple[str | None, str]  # split and path of an image


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a dataset.

    Attributes:
        file: The file.
        name: The name of the dataset: that of the file without its split, or that of the folder if
            every dataset has a file of this name.
        split: The split in the name of the file, or None.
    """

    file: Path
    name: str
    split: str | None


@dataclass(frozen=True, slots=True)
class _Fields:
    """Other fields of an entry, and the sentences of its image that it has."""

    values: Mapping[str, Any]
    sentences: range


@dataclass(slots=True)
class _Entry:
    path: str
    split: str | None
    category: str | None = None
    sentences: list[Sentence] = field(default_factory=list)
    keywords: Sequence[str] = ()
    fields: list[_Fields] = field(default_factory=list)


class Records:
    """Collects the records of images whose captions are spread over several entries.

    An image is identified by its path and its split.
    """

    def __init__(self) -> None:
        self._entries: dict[Key, _Entry] = {}
        #: What contradicts earlier entries, for :attr:`Dataset.notes`.
        self.notes: list[str] = []

    def add(
        self,
        path: str,
        captions: Iterable[str | Sentence],
        *,
        split: str | None,
        category: str | None = None,
        keywords: Sequence[str] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> Key:
        """Add captions of an image.

        The first entry with a category, or with keywords, decides on them. Other fields are those
        of the image if they are the same in all its entries, else of the sentences of their entry.

        Returns:
            The key of the record.
        """
        key = (split, path.replace("\\", "/"))
        entry = self._entries.setdefault(key, _Entry(key[1], split))
        if category and entry.category and category != entry.category:
            self.notes.append(
                f"{entry.path} has the category {entry.category!r}, in a later entry {category!r}"
            )
        if keywords and entry.keywords and list(keywords) != list(entry.keywords):
            self.notes.append(
                f"{entry.path} has the keywords {', '.join(entry.keywords)},"
                f" in a later entry {', '.join(keywords)}"
            )
        entry.category = entry.category or category
        entry.keywords = entry.keywords or keywords
        first = len(entry.sentences)
        entry.sentences += [c if isinstance(c, Sentence) else Sentence(c) for c in captions]
        if extra:
            entry.fields.append(_Fields(extra, range(first, len(entry.sentences))))
        return key

    def keys(self) -> list[Key]:
        """Return the keys of the records, in their order."""
        return list(self._entries)

    def images(self) -> tuple[ImageRecord, ...]:
        """Return the records, in the order in which their images were first named.

        The name of an image is the name of its file. If two files have the same name, as in class
        folders, it is the path.
        """
        paths = {entry.path for entry in self._entries.values()}
        count = Counter(path.rpartition("/")[2] for path in paths)
        return tuple(_record(entry, count) for entry in self._entries.values())


def _record(entry: _Entry, count: Counter[str]) -> ImageRecord:
    folder, _, name = entry.path.rpartition("/")
    extra, sentences = _shared_fields(entry)
    if not name or count[name] > 1:
        name = entry.path
    elif folder and not (entry.path.startswith("/") or _DRIVE.match(entry.path)):
        # The folder of a path of another machine does not help to find the file.
        extra = {**extra, "filepath": folder}
    return ImageRecord(
        filename=name,
        sentences=tuple(sentences),
        keywords=tuple(entry.keywords),
        split=entry.split,
        category=entry.category or category_of(name),
        extra=extra,
    )


def _shared_fields(entry: _Entry) -> tuple[dict[str, Any], list[Sentence]]:
    """Return the other fields of an image, and its sentences with theirs."""
    of_texts = [fields for fields in entry.fields if fields.sentences]
    covered = sum(len(fields.sentences) for fields in of_texts) == len(entry.sentences)
    first = of_texts[0].values if of_texts and covered else {}
    shared = {
        name: value
        for name, value in first.items()
        if all(name in fields.values and fields.values[name] == value for fields in of_texts[1:])
    }
    sentences = list(entry.sentences)
    for fields in of_texts:
        others = {name: v for name, v in fields.values.items() if name not in shared}
        for index in fields.sentences if others else ():
            extra = {**others, **sentences[index].extra}
            sentences[index] = replace(sentences[index], extra=extra)
    for fields in entry.fields:
        if not fields.sentences:
            shared = {**fields.values, **shared}
    return shared, sentences


def dataset_of(
    path: Path, parts: Sequence[Part], records: Records, form: str, folder: Path | None
) -> Dataset:
    """Return the dataset of files that were read; its images are in ``images/`` beside them."""
    beside = (path if path.is_dir() else path.parent) / "images"
    return Dataset(
        name=parts[0].name,
        images=records.images(),
        source=path,
        format=form,
        image_folder=folder or (beside if beside.is_dir() else None),
        notes=tuple(records.notes),
    )


def part_of(file: Path) -> Part:
    """Return a file with the split in its name: ``rsitmd_val.json``, ``captions_val2017.json``."""
    words = re.split(r"([^A-Za-z0-9]+)", file.stem)
    for at in range(len(words) - 1, -1, -1):
        split = spelled_split(re.sub(r"[0-9]+$", "", words[at]))
        if split is not None:
            before = re.sub(r"[\W_]+$", "", "".join(words[:at]))
            return Part(file, _dataset_name(file, before + "".join(words[at + 1 :])), split)
    return Part(file, _dataset_name(file, file.stem), None)


def _dataset_name(file: Path, own: str) -> str:
    """Return the name of the dataset of a file; ``own`` is its name without its split."""
    if own and own != _COMMON:
        return own
    folder = file.resolve().parent
    return (folder.parent if folder.name == _COMMON_FOLDER else folder).name or own


def spelled_split(text: str) -> str | None:
    """Return the split that a word means, or None."""
    word = text.strip().lower()
    word = _SPELLINGS.get(word, word)
    return word if word in SPLITS else None


def parts_of(path: Path, suffix: str, belongs: Callable[[Path], bool]) -> list[Part]:
    """Return the files of a dataset in the order of the splits.

    Args:
        path: A file, or a folder with files of one dataset.
        suffix: Suffix of the files.
        belongs: Returns whether a file of a folder has the format.

    Raises:
        RsitmdError: The folder has no such file, several datasets, or two files of one split.
    """
    if path.is_file():
        return [part_of(path)]
    parts = [part_of(file) for file in files_in(path, suffix) if belongs(file)]
    if not parts:
        raise RsitmdError(
            f"has no {suffix} file of this format", where=path, hint="pass one file, or its folder"
        )
    names = {part.name for part in parts}
    splits = Counter(part.split for part in parts)
    if len(names) > 1 or max(splits.values()) > 1:
        raise several_datasets(path, [part.file for part in parts])
    return sorted(parts, key=lambda part: split_order(part.split))


def several_datasets(folder: Path, files: Sequence[Path]) -> RsitmdError:
    """Return the error for a folder with files of several datasets."""
    return RsitmdError(
        f"has files of several datasets ({', '.join(file.name for file in files[:4])})",
        where=folder,
        hint="pass one of the files, or a folder with the files of one dataset",
    )


def files_in(folder: Path, suffix: str) -> list[Path]:
    """Return the files of a folder with a suffix, by name; none if it cannot be read."""
    try:
        return sorted(
            file for file in folder.iterdir() if file.suffix.lower() == suffix and file.is_file()
        )
    except OSError:
        return []


def head_of(file: Path) -> str:
    """Return the first 64 kB of a file as text; empty if it cannot be read."""
    try:
        with file.open("rb") as stream:
            return stream.read(_HEAD).decode("utf-8-sig", "replace")
    except OSError:
        return ""


def object_in(file: Path) -> bytes:
    """Return the content of a file that begins like a JSON object.

    It is empty if the file begins otherwise, cannot be read or is larger than 500 MB.
    """
    try:
        if not head_of(file).lstrip().startswith("{") or file.stat().st_size > MAX_BYTES:
            return b""
        return file.read_bytes()
    except OSError:
        return b""


def malformed(file: Path, key: str, what: str) -> RsitmdError:
    """Return the error for a malformed part of a file."""
    return RsitmdError(
        f"{key} {what}",
        where=file,
        hint="fix the file; the documentation of the formats shows the layout",
    )


def string(value: Any, file: Path, key: str) -> str:
    """Return a value that must be a string that is not empty.

    Raises:
        RsitmdError: It is not; the message names the key.
    """
    if not isinstance(value, str) or not value.strip():
        raise malformed(file, key, "is missing, empty or not a string")
    return value


def strings(value: Any, file: Path, key: str) -> list[str]:
    """Return a value that must be a string or a list of strings.

    Raises:
        RsitmdError: It is not; the message names the key.
    """
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise malformed(file, key, "is neither a string nor a list of strings")
    for index, text in enumerate(value):
        if not isinstance(text, str):
            raise malformed(file, f"{key}[{index}]", "is not a string")
    return list(value)


def in_folder(name: str, folder: object) -> str:
    """Return the path of an image whose entry also has a field ``filepath``.

    Args:
        name: File name, or a path.
        folder: Folder of the file, or its whole path; anything else is ignored.
    """
    if not isinstance(folder, str) or not folder.strip():
        return name
    path = folder.replace("\\", "/").rstrip("/")
    if path == name or path.endswith(f"/{name}"):
        return path
    return name if "/" in name.replace("\\", "/") else f"{path}/{name}"


def split_value(value: Any, file: Path, key: str) -> str | None:
    """Return the split that a field names, ``val`` for ``valid``; None if it is empty.

    Raises:
        RsitmdError: The field is not a string.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise malformed(file, key, "is not a string")
    return spelled_split(value) or value


def check_writable(dataset: Dataset, form: str, *, split: bool = True, captions: bool) -> None:
    """Check that a format can express a dataset.

    Args:
        dataset: The dataset.
        form: Name of the format.
        split: The format requires a split of every image. Other names than train, val and test
            are always refused.
        captions: The format requires a caption of every image.

    Raises:
        RsitmdError: It cannot; the message names the image.
    """
    for image in dataset:
        where = f"{dataset.source}: {image.filename}"
        if image.split not in SPLITS and (split or image.split is not None):
            raise RsitmdError(
                "has no split" if image.split is None else f"has the split {image.split!r}",
                where=where,
                hint=f"{form} requires one of {', '.join(SPLITS)}: run `rsitmd build split` first",
            )
        if captions and not image.sentences:
            raise RsitmdError(
                "has no sentence", where=where, hint="remove the image, or add a sentence"
            )


def check_unique(
    dataset: Dataset, place: Callable[[ImageRecord], str] = lambda image: image.location
) -> None:
    """Check that the entries of two images cannot be read as those of one.

    Args:
        dataset: The dataset.
        place: Returns the file of an image, as the format writes it.

    Raises:
        RsitmdError: Two images of a split have one file; the message names it.
    """
    seen: set[Key] = set()
    for image in dataset:
        split = image.split and (spelled_split(image.split) or image.split)
        key = (split or None, place(image).replace("\\", "/"))
        if key in seen:
            raise RsitmdError(
                "two images have this file",
                where=f"{dataset.source}: {key[1]}",
                hint="rename one of them",
            )
        seen.add(key)


def file_prefix(dataset: Dataset) -> str:
    """Return the dataset's name as the beginning of a file name."""
    safe = re.sub(r"[^\w.-]+", "-", dataset.name).strip("-._") or "dataset"
    # A split at the end of the name would be read as the split of the file.
    return safe if part_of(Path(f"{safe}.x")).split is None else "dataset"
