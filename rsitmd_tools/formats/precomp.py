"""``precomp``: ``<split>_caps.txt`` and ``<split>_filename.txt`` side by side.

Each image has five consecutive lines of captions. The file of file names has one line per image or
one per caption, which is detected by its length. Blank captions are kept.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from itertools import groupby
from pathlib import Path

from rsitmd_tools.atomic import write_text
from rsitmd_tools.dataset.records import SPLITS, Dataset, ImageRecord, Sentence, category_of
from rsitmd_tools.errors import RsitmdError, printable
from rsitmd_tools.formats.holds import FIVE, IN_NAME, NO, REQUIRED, WITHIN_SPLIT, Holds
from rsitmd_tools.formats.parts import check_writable
from rsitmd_tools.formats.registry import Format
from rsitmd_tools.text_files import read_text

CAPTIONS_PER_IMAGE = 5
# Field of the dataset with the splits whose file names are repeated for each caption.
EXTRA, NAMES_PER_CAPTION = "precomp", "names_per_caption"


def recognises(path: Path) -> bool:
    """Return whether a folder contains a captions file and its file names."""
    return path.is_dir() and any(
        (path / f"{split}_caps.txt").is_file() and (path / f"{split}_filename.txt").is_file()
        for split in SPLITS
    )


def read(path: Path, image_folder: Path | None) -> Dataset:
    """Read a precomp folder.

    Files that some published datasets have in addition, such as ``train_caps_verify.txt`` or
    ``testall_caps.txt``, are not read. They are reported on stderr.

    Raises:
        RsitmdError: The numbers of captions and file names do not match.
    """
    images: list[ImageRecord] = []
    repeated = []
    for split in SPLITS:
        if (path / f"{split}_caps.txt").is_file():
            records, per_caption = _read_split(path, split)
            images += records
            repeated += [split] if per_caption else []
    if not images:
        raise RsitmdError("contains no captions", where=path, hint="pass a precomp folder")
    read_files = {f"{split}_caps.txt" for split in SPLITS}
    unread = sorted(
        file.name
        for file in {*path.glob("*_verify*"), *path.glob("*_caps.txt")}
        if file.is_file() and file.name not in read_files
    )
    if unread:
        line = f"{path}: ignored: {', '.join(unread)}; the splits are {', '.join(SPLITS)}"
        print(printable(line), file=sys.stderr, flush=True)
    beside = path / "images"
    folder = image_folder or (beside if beside.is_dir() else None)
    # So that the file is written again as it was read, even after a conversion to rsitmd.
    extra = {EXTRA: {NAMES_PER_CAPTION: repeated}} if repeated else {}
    return Dataset(path.resolve().name, tuple(images), path, FORMAT.name, folder, extra)


def write(dataset: Dataset, folder: Path) -> None:
    """Write the texts of every split, with one file name per image.

    Splits whose file names were read once per caption are written in the same way.

    Raises:
        RsitmdError: An image has no split or not exactly five sentences, or a text contains
            a line break.
    """
    check_writable(dataset, FORMAT.name, captions=False)
    for image in dataset:
        where = f"{dataset.source}: {image.filename}"
        if len(image.sentences) != CAPTIONS_PER_IMAGE:
            raise RsitmdError(
                f"precomp requires {CAPTIONS_PER_IMAGE} sentences per image, this one has"
                f" {len(image.sentences)}",
                where=where,
                hint="add sentences or remove the image",
            )
        if any(map(has_line_break, (*image.captions, image.filename))):
            raise RsitmdError(
                "has a text with a line break", where=where, hint="remove the line break"
            )
        if any(text.startswith("\ufeff") for text in (*image.captions, image.filename)):
            # At the beginning of the file it would be read as that of the file.
            raise RsitmdError(
                "has a text that begins with a byte order mark", where=where, hint="remove it"
            )
    repeated = _per_caption(dataset)
    for split in dataset.splits:
        part = dataset.select(split)
        times = CAPTIONS_PER_IMAGE if split in repeated else 1
        names = [image.filename for image in part for _ in range(times)]
        write_text(folder / f"{split}_caps.txt", _lines(part.captions()))
        write_text(folder / f"{split}_filename.txt", _lines(names))


def image_at(image: ImageRecord) -> str:
    """Return the path of an image file: without the folder, which the texts do not name."""
    return f"images/{image.filename}"


def has_line_break(text: str) -> bool:
    """Return whether a text has more than one line."""
    return text.splitlines() not in ([], [text])


def _per_caption(dataset: Dataset) -> Collection[str]:
    """Return the splits whose file names are written once per caption."""
    own = dataset.extra.get(EXTRA)
    splits = own.get(NAMES_PER_CAPTION) if isinstance(own, dict) else None
    return splits if isinstance(splits, list) else ()


def _read_split(folder: Path, split: str) -> tuple[list[ImageRecord], bool]:
    """Return the records, and whether the file names are repeated for each caption."""
    captions = _split_lines(read_text(folder / f"{split}_caps.txt"))
    name_file = folder / f"{split}_filename.txt"
    names = _split_lines(read_text(name_file))
    repeated = len(names) == len(captions) and len(captions) % CAPTIONS_PER_IMAGE == 0
    if repeated:
        names = _one_per_image(names, name_file)
    if len(captions) != CAPTIONS_PER_IMAGE * len(names):
        raise _mismatch(captions, names, folder, split)
    records = [
        ImageRecord(
            name,
            tuple(Sentence(raw) for raw in captions[5 * index : 5 * index + 5]),
            split=split,
            category=category_of(name),
        )
        for index, name in enumerate(names)
    ]
    return records, repeated


def _mismatch(captions: list[str], names: list[str], folder: Path, split: str) -> RsitmdError:
    """Return the error for numbers that do not match, with its cause if that is known."""
    lines = {"caps": captions, "filename": names}
    text = {kind: _without_blank_end(of) for kind, of in lines.items()}
    what = (
        f"{len(captions)} caption{'s' * (len(captions) != 1)} and"
        f" {len(names)} file name{'s' * (len(names) != 1)} do not match"
    )
    for kinds in (("caps",), ("filename",), ("caps", "filename")):
        of = {kind: (text if kind in kinds else lines)[kind] for kind in lines}
        blank = {kind: len(lines[kind]) - len(of[kind]) for kind in kinds}
        if all(blank.values()) and _match(len(of["caps"]), len(of["filename"])):
            causes = (
                f"{split}_{kind}.txt ends in {count} blank line{'s'[: count > 1]}"
                for kind, count in blank.items()
            )
            return RsitmdError(
                f"{what}: {' and '.join(causes)}",
                where=folder / f"{split}_{kinds[0]}.txt",
                hint="remove the blank lines at the end",
            )
    return RsitmdError(
        what,
        where=folder / f"{split}_caps.txt",
        hint=f"write {CAPTIONS_PER_IMAGE} lines per image, including blank ones",
    )


def _match(captions: int, names: int) -> bool:
    return captions > 0 and captions in (CAPTIONS_PER_IMAGE * names, names)


def _without_blank_end(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return lines[:end]


def _one_per_image(names: list[str], where: Path) -> list[str]:
    """Reduce file names with one line per caption to one per image."""
    for first in range(0, len(names), CAPTIONS_PER_IMAGE):
        block = names[first : first + CAPTIONS_PER_IMAGE]
        if len(list(groupby(block))) != 1:
            raise RsitmdError(
                f"lines {first + 1} to {first + 5} name different images",
                where=where,
                hint="use five consecutive lines or one line per image",
            )
    return names[::CAPTIONS_PER_IMAGE]


def _split_lines(text: str) -> list[str]:
    """Split at line feeds only, because other separators can be part of a caption."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines and lines[-1] == "":
        lines.pop()
    return lines


def _lines(texts: list[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


FORMAT = Format(
    "precomp",
    "a folder with <split>_caps.txt and <split>_filename.txt",
    recognises,
    read,
    write,
    holds=Holds(
        sentences=FIVE, splits=REQUIRED, categories=IN_NAME, folders=NO, order=WITHIN_SPLIT
    ),
    image_at=image_at,
)
