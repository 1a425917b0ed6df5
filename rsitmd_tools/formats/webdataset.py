"""``webdataset``: ``<name>-<split>-<number>.tar`` with a few members for each image.

The members of an image have one name with different suffixes: the image file, ``.json`` with its
texts and fields, and ``.txt`` with its first caption, for trainers that use one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path, PurePosixPath
from typing import Any

from rsitmd_tools.dataset.locations import Member
from rsitmd_tools.dataset.records import Dataset, ImageRecord, split_order
from rsitmd_tools.errors import RsitmdError, count_of, reason
from rsitmd_tools.formats.holds import IN_NAME, WITHIN_SPLIT
from rsitmd_tools.formats.image_list import MANIFEST
from rsitmd_tools.formats.jsonl import HOLDS, IMAGE_FIELDS, add_entry, entry_of, line_of
from rsitmd_tools.formats.parts import (
    Key,
    Part,
    Records,
    check_unique,
    check_writable,
    dataset_of,
    file_prefix,
    files_in,
    malformed,
    part_of,
    several_datasets,
)
from rsitmd_tools.formats.registry import Format, ReadImage
from rsitmd_tools.formats.rsitmd import parse_json
from rsitmd_tools.formats.shards import ShardWriter, members_of

SUFFIX = ".tar"
JSON, TEXT = "json", "txt"
IMAGES = frozenset(("jpg", "jpeg", "png", "tif", "tiff", "webp", "jp2", "bmp", "gif"))
MAX_TEXT = 10_000_000  # bytes of the texts of an image
_KEY = re.compile(r"((?:.*/)?[^./]+)\.([^/]+)")  # as the package webdataset splits names
_NUMBER = re.compile(r"[-_.]?(\d+)(?:[-_]of[-_]\d+)?$")
# Numbers in the middle of a name are those of processes or nodes that wrote shards.
_INNER_NUMBER = re.compile(r"(?<![^\W_])\d+(?![^\W_])")
_BLOCK = 512
Sample = dict[str, Member]


def recognises(path: Path) -> bool:
    """Return whether a path is a tar file, or a folder with one."""
    if path.is_dir():
        return any(_is_tar(file) for file in files_in(path, SUFFIX))
    return path.suffix.lower() == SUFFIX and _is_tar(path)


def read(path: Path, image_folder: Path | None) -> Dataset:
    """Read the texts of one tar file, or of all in a folder.

    Images are not extracted. Their places are in :attr:`Dataset.members`. Without a file name in
    the JSON member, an image has the name of its members. If another image has that name, because
    each shard begins with 0, it is in a folder with the name of its shard.

    Raises:
        RsitmdError: A file is malformed, or has a member that is not safe, or two images have one
            file name, or the folder has shards of several datasets.
    """
    files = [path] if path.is_file() else files_in(path, SUFFIX)
    if not files:
        raise RsitmdError("has no tar file", where=path, hint="pass the folder of the shards")
    parts = [_part(file) for file in files]
    if len({_INNER_NUMBER.sub("", part.name) for part in parts}) > 1:
        raise several_datasets(path, files)
    parts.sort(key=lambda part: split_order(part.split))
    records = Records()
    records.notes += _gaps(files)
    places: dict[Key, Member] = {}
    for part in parts:
        for key, sample in _samples(part.file):
            _add(records, part, key, sample, places)
    data = dataset_of(path, parts, records, FORMAT.name, image_folder)
    members = {
        (image.split, image.location): places[key]
        for image, key in zip(data, records.keys(), strict=True)
        if key in places
    }
    return replace(data, members=members)


def write(dataset: Dataset, folder: Path) -> None:
    """Write the texts alone."""
    pack(dataset, folder, None)


def pack(dataset: Dataset, folder: Path, read_image: ReadImage | None) -> None:
    """Write tar files for each split, in the order of the dataset.

    Args:
        dataset: The dataset.
        folder: The folder.
        read_image: Returns the bytes of an image file; None for the texts alone.

    Raises:
        RsitmdError: A split has another name than train, val and test, or two images of a split
            have one file.
    """
    check_writable(dataset, FORMAT.name, split=False, captions=False)
    check_unique(dataset)
    prefix, number = file_prefix(dataset), 0
    for split in (None, *dataset.splits):
        images = [image for image in dataset if image.split == split]
        with ShardWriter(folder, f"{prefix}-{split}" if split else prefix) as shards:
            for image in images:
                fields = _fields(image)
                if read_image is not None:
                    fields = {_suffix(image): read_image(image), **fields}
                # A number: names have dots and other characters, which readers take for suffixes.
                shards.add(f"{number:09d}", fields)
                number += 1


def _fields(image: ImageRecord) -> dict[str, bytes]:
    entry = {**entry_of(image), "split": image.split}
    # Some readers take the types of the first images for those of all: no list may be empty.
    entry |= {name: entry[name] or None for name in ("captions", "keywords")}
    first = image.captions[0] if image.captions else ""
    return {JSON: line_of(entry).encode(), TEXT: first.encode()}


def _suffix(image: ImageRecord) -> str:
    suffix = PurePosixPath(image.filename).suffix.lower().removeprefix(".")
    if suffix not in IMAGES:
        raise RsitmdError(
            f"has no suffix of an image file ({', '.join(sorted(IMAGES))})",
            where=image.filename,
            hint="use --images jpeg:90",
        )
    return suffix


def _samples(file: Path) -> Iterator[tuple[str, Sample]]:
    """Yield the name and the members of each image: consecutive ones with one name."""

    def key_of(item: tuple[str, Member]) -> str:
        match = _KEY.fullmatch(item[0])
        return match[1] if match else ""

    for key, items in groupby(members_of(file), key_of):
        if not key:
            continue  # hidden files and files without a suffix, which other readers ignore too
        sample: Sample = {}
        for name, member in items:
            suffix = name[len(key) + 1 :].lower()
            if suffix in sample:
                raise malformed(file, f"sample {key!r}", f"has two members .{suffix}")
            sample[suffix] = member
        yield key, sample


def _add(
    records: Records,
    part: Part,
    key: str,
    sample: Sample,
    places: dict[Key, Member],
) -> None:
    where = f"sample {key!r}:"
    entry = _document(part.file, key, sample[JSON]) if JSON in sample else {}
    if PurePosixPath(f"{key}.{JSON}").name == MANIFEST and "data_sha256" in entry:
        raise RsitmdError(
            "is the tar file of a release", where=part.file, hint="unpack it and pass its folder"
        )
    suffix = next((suffix for suffix in sample if suffix in IMAGES), None)
    picture = None if suffix is None else sample[suffix]
    named = any(name in entry for name in IMAGE_FIELDS)
    if not named:
        name = f"{key}.{suffix}" if suffix else key
        known = places.get((part.split, name))
        if known is not None and picture is not None and known.read() != picture.read():
            name = f"{part.file.stem}/{name}"
        entry["filename"] = name
    if not any(name in entry for name in ("captions", "sentences", "caption", "text")):
        entry["captions"] = [_text(part.file, key, sample[TEXT])] if TEXT in sample else []
    place = add_entry(records, entry, part.file, where, part.split)
    if picture is not None:
        known = places.setdefault(place, picture)
        if known is not picture and known.read() != picture.read():
            raise malformed(part.file, where, f"has another image with the name {place[1]!r}")


def _document(file: Path, key: str, member: Member) -> dict[str, Any]:
    try:
        document = parse_json(_text(file, key, member))
    except (ValueError, RecursionError) as error:
        raise RsitmdError(
            f"sample {key!r} is not JSON ({reason(error)})", where=file, hint="fix this member"
        ) from error
    if not isinstance(document, dict):
        raise malformed(file, f"sample {key!r}", "is not an object")
    return document


def _text(file: Path, key: str, member: Member) -> str:
    if member.size > MAX_TEXT:
        raise malformed(file, f"sample {key!r}", f"has a text of {member.size} bytes")
    try:
        return member.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise malformed(file, f"sample {key!r}", "is not UTF-8") from error


def _gaps(files: Sequence[Path]) -> list[str]:
    """Return a note for each place where the numbers of shards are not consecutive."""
    series: dict[str, dict[int, str]] = {}
    for file in files:
        match = _NUMBER.search(file.stem)
        if match is not None:
            series.setdefault(file.stem[: match.start()], {})[int(match[1])] = file.name
    return [
        f"missing: {count_of(other - one - 1, 'shard')} between {names[one]} and {names[other]}"
        for names in series.values()
        for one, other in pairwise(sorted(names))
        if other - one > 1
    ]


def _part(file: Path) -> Part:
    stem = _NUMBER.sub("", file.stem)
    found = part_of(file.with_name(f"{stem}.x"))
    return Part(file, found.name if stem else file.resolve().parent.name, found.split)


def _is_tar(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            head = stream.read(_BLOCK)
    except OSError:
        return False
    return head[257:262] == b"ustar"


FORMAT = Format(
    "webdataset",
    "<name>-<split>-<number>.tar, a tar file of images and texts",
    recognises,
    read,
    write,
    holds=replace(HOLDS, name=IN_NAME, order=WITHIN_SPLIT),
    pack=pack,
    images_by_default=True,
)
