"""The format ``tab-separated``: a file ``captions.tsv`` of image names and captions."""

from __future__ import annotations

from pathlib import Path

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats.registry import Format, read_text

FILE = "captions.tsv"


def recognises(path: Path) -> bool:
    """Return whether a folder holds ``captions.tsv``."""
    return (path / FILE).is_file()


def read(path: Path, image_folder: Path | None) -> Dataset:
    """Read a folder: each line is an image, its split and a caption.

    Raises:
        RsitmdError: A line has another number of fields.
    """
    images: dict[tuple[str, str], list[Sentence]] = {}
    for number, line in enumerate(read_text(path / FILE).splitlines(), 1):
        fields = line.split("\t")
        if len(fields) != 3:
            raise RsitmdError(
                f"line {number} has {len(fields)} fields instead of 3",
                where=path / FILE,
                hint="separate name, split and caption by tabs",
            )
        filename, split, caption = fields
        images.setdefault((filename, split), []).append(Sentence(caption))
    records = tuple(
        ImageRecord(filename, tuple(sentences), split=split)
        for (filename, split), sentences in images.items()
    )
    return Dataset(path.name, records, path, FORMAT.name, image_folder or path)


def write(dataset: Dataset, folder: Path) -> None:
    """Write a dataset's texts into a folder."""
    lines = [
        f"{image.filename}\t{image.split}\t{caption}\n"
        for image in dataset
        for caption in image.captions
    ]
    (folder / FILE).write_text("".join(lines), encoding="utf-8")


FORMAT = Format("tab-separated", f"a folder with {FILE}", recognises, read, write)
