"""What other programs do with a dataset that is correct in itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import count_of
from rsitmd_tools.formats.parts import spelled_split

TYPED = 5  # images from which the library `datasets` takes the types
# A spreadsheet program takes a cell that begins so for a formula and can execute it.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def formulas(dataset: Dataset, output_format: str) -> list[str]:
    """Return a warning if a CSV file of the dataset would have cells that look like formulas.

    The cells are not changed: training must read the texts as they are.
    """
    found = [text for text in _cells(dataset, output_format) if text.startswith(FORMULA)]
    if not found:
        return []
    return [
        f"{count_of(len(found), 'cell')} can be executed by a spreadsheet program, first"
        f" {found[0][:40]!r}; do not open the file with one, or import its columns as text"
    ]


def text_cell(text: str) -> str:
    """Return a cell that a spreadsheet program reads as text, not as a formula.

    It begins with an apostrophe, for tables that people read. :func:`text_of_cell` removes it.
    """
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


def text_of_cell(cell: str) -> str:
    """Return the text of a cell of :func:`text_cell`."""
    quoted = cell.startswith("'") and text_cell(cell[1:]) == cell
    return cell[1:] if quoted else cell


def names_that_differ_in_case(dataset: Dataset) -> list[str]:
    """Return a warning if the paths of two images differ only in case."""
    first: dict[str, str] = {}
    pairs = []
    for image in dataset:
        other = first.setdefault(image.location.casefold(), image.location)
        if other != image.location:
            pairs.append((other, image.location))
    if not pairs:
        return []
    return [
        f"{count_of(len(pairs), 'pair')} of file names that differ only in case, such as"
        f" {pairs[0][0]} and {pairs[0][1]}; some file systems keep only one of them"
    ]


def splits_read_otherwise(dataset: Dataset) -> list[str]:
    """Return a warning if splits of the dataset are read by other names."""
    known = {split: spelled_split(split) for split in dataset.splits}
    others = [
        f"{split!r} as {name!r}" for split, name in known.items() if name not in (None, split)
    ]
    return [f"a split is read by its usual name: {', '.join(others)}"] if others else []


def types_of_shards(dataset: Dataset) -> list[str]:
    """Return warnings about shards whose first images lack a field or a file type.

    The library ``datasets`` takes the fields of all images from the first five of one split.
    """
    found = []
    for split in dataset.splits:
        images = dataset.select(split).images
        first = images[:TYPED]
        if any(i.keywords for i in images) and not any(i.keywords for i in first):
            found.append(
                f"the first {count_of(len(first), 'image')} of {split} have no keywords, later"
                " ones have; pass features= to Hugging Face datasets"
            )
    suffixes = sorted({PurePosixPath(image.filename).suffix.lower() for image in dataset})
    if len(suffixes) > 1:
        found.append(
            f"images have the suffixes {', '.join(suffixes)}, but Hugging Face datasets expects"
            " one; use --images jpeg:90"
        )
    return found


def _cells(dataset: Dataset, output_format: str) -> Iterator[str]:
    for image in dataset:
        yield image.location
        if output_format == "csv":
            yield image.category or ""  # its captions are lists, which begin with a bracket
        else:
            yield from image.captions
