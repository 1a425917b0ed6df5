"""``rsitmd``: ``dataset_RSITMD.json``, the published layout of RSITMD.

The reader is lenient: keywords are strings, objects or one comma-separated string, tokens and ids
are optional, and unknown fields are kept. The writer follows ``schemas/dataset.schema.json``.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rsitmd_tools.atomic import write_json
from rsitmd_tools.dataset.records import ORIGINS, Dataset, ImageRecord, Sentence, category_of
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.formats.holds import ANEW, ORIGIN_FIELDS, YES, Holds, without
from rsitmd_tools.formats.parts import malformed
from rsitmd_tools.formats.registry import Format
from rsitmd_tools.text_files import read_text

FILENAME = "dataset_RSITMD.json"
_DATASET_FIELDS = frozenset(("dataset", "images"))
_IMAGE_FIELDS = frozenset(
    ("filename", "imgid", "split", "sentences", "sentids", "keywords", "category")
)
_STRINGS = frozenset((str,))
_SENTENCE_FIELDS = frozenset(("raw", "tokens", "imgid", "sentid", "annotator"))
# Fields of a sentence that are written if they are known.
OPTIONAL_FIELDS = ("annotator", *ORIGIN_FIELDS)
_ORIGIN = frozenset(ORIGIN_FIELDS)


def recognises(path: Path) -> bool:
    """Return whether a path is the JSON file or a folder that contains it."""
    return (path / FILENAME).is_file() or (path.is_file() and path.suffix == ".json")


def read(path: Path, image_folder: Path | None) -> Dataset:
    """Read the JSON file.

    Raises:
        RsitmdError: The file is not JSON, or a required part (a file name, the list of images)
            is missing or has the wrong type. The message names the key.
    """
    file = path / FILENAME if path.is_dir() else path
    return parse(load_document(file), file, image_folder)


def parse_json(text: str) -> Any:
    """Parse JSON in which each key of an object is unique and each number finite.

    Raises:
        ValueError: It is something else.
        RecursionError: It is nested too deeply.
    """
    return json.loads(
        text,
        object_pairs_hook=_object_of,
        parse_constant=_no_constant,
        parse_float=_finite,
    )


def load_document(file: Path) -> Any:
    """Parse the JSON of ``file``, or raise a one-line error with line and column."""
    try:
        return parse_json(read_text(file))
    except json.JSONDecodeError as error:
        raise RsitmdError(
            f"is not JSON (line {error.lineno}, column {error.colno}: {error.msg.lower()})",
            where=file,
            hint="restore the file or fix this line",
        ) from error
    except (RecursionError, ValueError) as error:
        raise RsitmdError(
            f"is not readable JSON ({reason(error)})", where=file, hint="restore the file"
        ) from error


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object with a duplicate key, because one of its values would be lost.

    Equal tokens become one string. Otherwise they take a third of the memory of a dataset.
    """
    entry = dict(pairs)
    if len(entry) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"duplicate key {twice!r}")
    tokens = entry.get("tokens")
    if isinstance(tokens, list) and _STRINGS.issuperset(map(type, tokens)):
        entry["tokens"] = list(map(sys.intern, tokens))
    return entry


def _no_constant(name: str) -> Any:
    """Refuse NaN and Infinity, which Python's parser accepts but JSON does not have."""
    raise ValueError(f"{name} is not a JSON value")


def _finite(text: str) -> float:
    """Refuse numbers such as 1e999, which Python reads as infinity and cannot write as JSON."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is too large a number")
    return number


def parse(document: Any, file: Path, image_folder: Path | None) -> Dataset:
    """Build a dataset from a parsed document."""
    top = _object(document, file, "document")
    records = [
        _image(entry, file, f"images[{index}]")
        for index, entry in enumerate(_array(top.get("images"), file, "images"))
    ]
    beside = file.parent / "images"
    return Dataset(
        name=str(top.get("dataset", file.parent.resolve().name)),
        images=_named_apart(records),
        source=file,
        format=FORMAT.name,
        image_folder=image_folder or (beside if beside.is_dir() else None),
        extra=without(top, _DATASET_FIELDS),
    )


def document_of(dataset: Dataset) -> dict[str, Any]:
    """Return the JSON document of a dataset, with new ids in order."""
    from rsitmd_tools.text.tokens import tokenize

    images: list[dict[str, Any]] = []
    sentid = 0
    for imgid, image in enumerate(dataset):
        sentences: list[dict[str, Any]] = []
        for sentence in image.sentences:
            entry: dict[str, Any] = {
                **without(sentence.extra, _SENTENCE_FIELDS),
                "raw": sentence.raw,
                "tokens": list(map(str.lower, tokenize(sentence.raw))),
                "imgid": imgid,
                "sentid": sentid,
                **optional_fields(sentence),
            }
            sentences.append(entry)
            sentid += 1
        images.append(
            {
                **without(image.extra, _IMAGE_FIELDS),
                "filename": image.filename,
                "imgid": imgid,
                "split": image.split,
                "category": image.category,
                "sentences": sentences,
                "sentids": [entry["sentid"] for entry in sentences],
                "keywords": list(image.keywords),
            }
        )
    extra = without(dataset.extra, _DATASET_FIELDS)
    return {**extra, "dataset": dataset.name, "images": images}


def optional_fields(sentence: Sentence) -> dict[str, Any]:
    """Return the annotator and the origin of a sentence, as far as they are known."""
    values = ((name, getattr(sentence, name)) for name in OPTIONAL_FIELDS)
    return {name: value for name, value in values if value is not None}


def write(dataset: Dataset, folder: Path) -> None:
    """Write ``dataset_RSITMD.json`` to a folder."""
    write_json(folder / FILENAME, document_of(dataset))


def sentence_of(value: Any, file: Path, key: str) -> Sentence:
    """Return a sentence from its text, or from its object with ``raw`` and other fields.

    Args:
        value: The text or the object.
        file: Its file, for errors.
        key: Its place in the file, for errors.

    Raises:
        RsitmdError: It has no text, or a field has the wrong type.
    """
    if isinstance(value, str):
        return Sentence(value)
    entry = _object(value, file, key)
    raw = entry.get("raw")
    if not isinstance(raw, str):
        raise malformed(file, f"{key}.raw", "is missing or not a string")
    tokens = entry.get("tokens")
    strings = isinstance(tokens, list) and _STRINGS.issuperset(map(type, tokens))
    origin = _origin(entry)
    known = _SENTENCE_FIELDS.union(origin) if origin else _SENTENCE_FIELDS
    return Sentence(
        raw=raw,
        annotator=_optional_string(entry.get("annotator"), file, f"{key}.annotator"),
        tokens=tuple(tokens) if tokens is not None and strings else None,
        extra={} if entry.keys() <= known else without(entry, known),
        **origin,
    )


def _image(value: Any, file: Path, key: str) -> ImageRecord:
    entry = _object(value, file, key)
    filename = entry.get("filename")
    if not isinstance(filename, str) or not filename:
        raise malformed(file, f"{key}.filename", "is missing or not a string")
    split = entry.get("split")
    category = entry.get("category")
    sentences = entry.get("sentences", [])
    return ImageRecord(
        filename=filename,
        sentences=tuple(
            sentence_of(sentence, file, f"{key}.sentences[{index}]")
            for index, sentence in enumerate(_array(sentences, file, f"{key}.sentences"))
        ),
        keywords=_keywords(entry.get("keywords", []), file, f"{key}.keywords"),
        split=_optional_string(split, file, f"{key}.split"),
        category=_optional_string(category, file, f"{key}.category") or category_of(filename),
        extra=without(entry, _IMAGE_FIELDS),
    )


def _named_apart(records: Sequence[ImageRecord]) -> tuple[ImageRecord, ...]:
    """Name images by their paths if they have one file name in several folders.

    Otherwise, in an image folder without these folders, one file would be that of all of them.
    """
    count = Counter(name for name, _ in {(image.filename, image.location) for image in records})
    return tuple(
        replace(image, filename=image.location, extra=without(image.extra, {"filepath"}))
        if count[image.filename] > 1
        else image
        for image in records
    )


def _origin(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields about the origin of a sentence.

    If another tool uses the same names for something else, the values are kept as unknown fields.
    """
    if _ORIGIN.isdisjoint(entry):
        return {}
    origin, distance, given = map(entry.get, ORIGIN_FIELDS)
    found: dict[str, Any] = {}
    if isinstance(origin, str) and origin in ORIGINS:
        found["origin"] = origin
    if isinstance(distance, int) and not isinstance(distance, bool) and distance >= 0:
        found["edit_distance"] = distance
    if isinstance(given, bool):
        found["machine_given"] = given
    return found


def _keywords(value: Any, file: Path, key: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    keywords = []
    for index, entry in enumerate(_array(value, file, key)):
        word = entry.get("raw") if isinstance(entry, Mapping) else entry
        if not isinstance(word, str):
            raise malformed(file, f"{key}[{index}]", "is neither a string nor an object with 'raw'")
        keywords.append(word)
    return tuple(keywords)


def _object(value: Any, file: Path, key: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise malformed(file, key, "is not an object")
    return value


def _array(value: Any, file: Path, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise malformed(file, key, "is not a list")
    return value


def _optional_string(value: Any, file: Path, key: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise malformed(file, key, "is not a string")
    return value


HOLDS = Holds(
    categories=YES,
    keywords=YES,
    image_fields=YES,
    annotators=YES,
    origins=YES,
    sentence_fields=YES,
    tokens=ANEW,
    name=YES,
    dataset_fields=YES,
    own_image_fields=_IMAGE_FIELDS,
    own_sentence_fields=_SENTENCE_FIELDS,
    own_dataset_fields=_DATASET_FIELDS,
)
FORMAT = Format("rsitmd", f"{FILENAME} or its folder", recognises, read, write, holds=HOLDS)
