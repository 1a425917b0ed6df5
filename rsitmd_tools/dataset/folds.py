"""``folds.csv``: the test fold of each image, and the dataset of one fold."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from rsitmd_tools.dataset.locations import Member
from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError, WrongUsage, count_of, reason

FOLDS = "folds.csv"
COLUMNS = ["filename", "fold"]
MAX_FOLDS = 1000
D = TypeVar("D", bound=Dataset)


def folds_text(folds: Mapping[str, int]) -> str:
    """Return the folds of images as CSV, in the order of the mapping."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(folds.items())
    return text.getvalue()


def read_folds(file: Path) -> dict[str, int]:
    """Read the folds of images.

    Args:
        file: A file with the columns ``filename`` and ``fold`` (from 0).

    Raises:
        RsitmdError: The file cannot be read, a fold is not a number, or an image is listed twice.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise RsitmdError(
            "does not exist; folds are assigned in a workspace",
            where=file,
            hint="to assign folds, run: rsitmd build split DIR --folds 5",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})",
            where=file,
            hint="to assign folds, run: rsitmd build split DIR --folds 5",
        ) from error
    found: dict[str, int] = {}
    try:
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        for number, line in enumerate(lines):
            if number == 0:
                _check(line == COLUMNS, file, 1, f"the columns must be {','.join(COLUMNS)}")
            elif line:
                _check(len(line) == len(COLUMNS), file, lines.line_num, "must have two fields")
                name, fold = line
                valid = fold.isascii() and fold.isdigit() and len(fold) <= len(str(MAX_FOLDS))
                _check(valid and int(fold) < MAX_FOLDS, file, lines.line_num, "invalid fold")
                _check(name not in found, file, lines.line_num, f"lists {name} again")
                found[name] = int(fold)
    except csv.Error as error:
        raise RsitmdError(f"is not CSV ({error})", where=file, hint="fix the file") from error
    return found


def folds_file(source: Path) -> Path:
    """Return the file of the folds of a dataset that was read from a folder or file."""
    return (source if source.is_dir() else source.parent) / FOLDS


def with_fold(dataset: D, folds: Mapping[str, int], number: int) -> D:
    """Return a dataset whose test images are those of one fold; all others are in train.

    Args:
        dataset: The dataset.
        folds: Fold by file name.
        number: The fold, from 0.

    Raises:
        RsitmdError: Images have no fold, or tar files have two images of one name that would be
            in one split.
        WrongUsage: There is no such fold, no image is in it, or every image is.
    """
    missing = [image.filename for image in dataset if image.filename not in folds]
    if missing:
        raise RsitmdError(
            f"{count_of(len(missing), 'image')} of {len(dataset)} without a fold, such as"
            f" {missing[0]}",
            where=dataset.source,
            hint="to assign folds, run: rsitmd build split DIR --folds 5",
        )
    images = tuple(
        replace(image, split="test" if folds[image.filename] == number else "train")
        for image in dataset
    )
    if number not in folds.values():
        raise WrongUsage(
            f"fold {number} does not exist",
            hint=f"use a fold from 0 to {max(folds.values(), default=0)}",
        )
    if len({image.split for image in images}) < 2:
        tested = any(image.split == "test" for image in images)
        whose = "all of these images are" if tested else "none of these images is"
        raise WrongUsage(
            f"{whose} in fold {number}",
            where=dataset.source,
            hint="take the fold of the whole dataset, then a split of it",
        )
    return replace(dataset, images=images, members=_members(dataset, images))


def _members(
    dataset: Dataset, images: Iterable[ImageRecord]
) -> dict[tuple[str | None, str], Member]:
    """Return the image files inside archives by the new splits of their images."""
    found: dict[tuple[str | None, str], Member] = {}
    for old, new in zip(dataset, images, strict=True):
        member = dataset.members.get((old.split, old.location))
        if member is None:
            continue
        first = found.setdefault((new.split, new.location), member)
        if first is not member and first.read() != member.read():
            raise RsitmdError(
                f"two images of this name would be in {new.split}",
                where=f"{dataset.source}: {new.location}",
                hint="rename one of them",
            )
    return found


def _check(valid: bool, file: Path, line: int, problem: str) -> None:
    if not valid:
        raise RsitmdError(
            f"line {line}: {problem}", where=file, hint="use a file name and a number from 0"
        )
