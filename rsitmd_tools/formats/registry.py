"""The description of a format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.formats.holds import Holds
from rsitmd_tools.plugins import PluginError, calling, report
from rsitmd_tools.text_files import read_text

__all__ = ["Format", "ReadImage", "Write", "in_image_folder", "of_package", "read_text"]

Write = Callable[[Dataset, Path], None]
# Returns the bytes of an image file.
ReadImage = Callable[[ImageRecord], bytes]


def in_image_folder(image: ImageRecord) -> str:
    """Return where most formats have an image file: in ``images/``."""
    return f"images/{image.location}"


@dataclass(frozen=True, slots=True)
class Format:
    """A format of datasets.

    Attributes:
        name: Name on the command line.
        layout: Description of the files, for messages.
        recognises: Returns whether a path has this format.
        read: Reads a path; the second argument is the image folder or None.
        write: Writes the texts of a dataset to a folder; None if the format is read-only.
        holds: What the format can hold; None if it is not declared.
        variants: Other ways to write it, by name.
        image_at: Returns the path of an image file in the folder of the dataset.
        pack: Writes texts and images into the same files, if the format does so; the last
            argument is None for texts alone.
        images_by_default: Whether `build convert` writes the images by default.
    """

    name: str
    layout: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Path | None], Dataset]
    write: Write | None = None
    holds: Holds | None = None
    variants: Mapping[str, Write] = field(default_factory=dict)
    image_at: Callable[[ImageRecord], str] = in_image_folder
    pack: Callable[[Dataset, Path, ReadImage | None], None] | None = None
    images_by_default: bool = False


def of_package(layout: Format, package: str) -> Format:
    """Return a format of another package, whose failures name the package.

    A format that fails to recognise a path is reported once; it has not recognised the path.

    Args:
        layout: The format.
        package: The package.
    """
    guarded = calling(f"format {layout.name}", package)

    @guarded
    def recognised(path: Path) -> bool:
        return bool(layout.recognises(path))

    def recognises(path: Path) -> bool:
        try:
            return recognised(path)
        except PluginError as error:
            report(error)
            return False

    @guarded
    def read(path: Path, image_folder: Path | None) -> Dataset:
        dataset = layout.read(path, image_folder)
        if not isinstance(dataset, Dataset):
            raise TypeError(f"read returned {type(dataset).__name__} instead of Dataset")
        return dataset

    return replace(
        layout,
        recognises=recognises,
        read=read,
        write=layout.write and guarded(layout.write),
        variants={name: guarded(write) for name, write in layout.variants.items()},
        image_at=guarded(layout.image_at),
        pack=layout.pack and guarded(layout.pack),
    )
