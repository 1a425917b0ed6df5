"""Image files of a converted dataset: linked, copied or encoded as JPEG."""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from rsitmd_tools.dataset.locations import leads_out
from rsitmd_tools.dataset.records import MISSING_FILE, Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError, WrongUsage, count_of
from rsitmd_tools.formats.parts import Key
from rsitmd_tools.formats.registry import Format
from rsitmd_tools.progress import progress, track

if TYPE_CHECKING:
    from PIL.Image import Image

NONE, LINK, COPY, JPEG = "none", "link", "copy", "jpeg"
_MODE = re.compile(r"(none|link|copy)|jpeg:(\d{1,3})")
SUFFIXES = frozenset((".tif", ".tiff", ".jpg", ".jpeg", ".png", ".webp", ".jp2", ".bmp", ".vrt"))


@dataclass(frozen=True, slots=True)
class ImageMode:
    """How image files are written.

    Attributes:
        kind: ``none``, ``link`` (hard links), ``copy`` or ``jpeg``.
        quality: Quality of JPEG, 1 to 100.
    """

    kind: str
    quality: int = 0

    @classmethod
    def parse(cls, text: str) -> ImageMode | None:
        """Return the mode of ``none``, ``link``, ``copy`` or ``jpeg:90``; None for other words.

        Raises:
            WrongUsage: The quality is missing or not between 1 and 100.
        """
        match = _MODE.fullmatch(text)
        if match is not None and match[1]:
            return cls(match[1])
        if text == JPEG or (match is not None and not 1 <= int(match[2]) <= 100):
            raise WrongUsage(
                f"--images {text}: the JPEG quality must be from 1 to 100",
                hint="use for example jpeg:90",
            )
        return None if match is None else cls(JPEG, int(match[2]))


def named_for(dataset: Dataset, mode: ImageMode) -> Dataset:
    """Return the records with the names of the files that are written: ``.jpg`` for JPEG."""
    if mode.kind != JPEG:
        return dataset
    return dataset.with_images(replace(i, filename=_jpeg_name(i.filename)) for i in dataset)


def write_dataset(source: Dataset, layout: Format, folder: Path, mode: ImageMode) -> int:
    """Write the texts and the images of a dataset.

    Args:
        source: The dataset.
        layout: A writable format.
        folder: A new folder.
        mode: How the images are written; not ``none``.

    Returns:
        The number of image files.

    Raises:
        RsitmdError: An image has no file or cannot be used, two images would have the same file,
            or a file cannot be written.
    """
    target = named_for(source, mode)
    places = _places(source, target, layout)
    if layout.pack is not None:
        if mode.kind == LINK:
            raise WrongUsage(f"{layout.name} does not support links", hint="use --images copy")
        originals: dict[Key, ImageRecord] = {}
        for old, new in zip(source, target, strict=True):
            originals.setdefault((new.split, new.location), old)
        with progress("images", len(target)) as step:

            def read(image: ImageRecord) -> bytes:
                data = _bytes(source, originals[image.split, image.location], mode)
                step()
                return data

            layout.pack(target, folder, read)
        return len(target)
    assert layout.write is not None
    layout.write(target, folder)
    for place, image in track(places.items(), "images", len(places)):
        _write(source, image, folder / place, mode)
    return len(places)


def _places(source: Dataset, target: Dataset, layout: Format) -> dict[str, ImageRecord]:
    """Return the source of each image file that is written; check all before the first."""
    places: dict[str, ImageRecord] = {}
    missing: list[str] = []
    for old, new in zip(source, target, strict=True):
        if leads_out(new.location):
            raise RsitmdError(
                "the image is outside the image folder",
                where=f"{source.source}: {new.location}",
                hint="use names without '..'",
            )
        if not _exists(source, old):
            missing.append(old.location)
        first = places.setdefault(layout.image_at(new), old)
        if first.location != old.location:
            raise RsitmdError(
                f"{first.location} and {old.location} would have the same file,"
                f" {layout.image_at(new)}",
                where=source.source,
                hint="rename one of them, or use --images copy",
            )
        if _differ(source, first, old):
            raise RsitmdError(
                f"two images would have the same file, {layout.image_at(new)}: {old.location} of"
                f" {first.split} and of {old.split}",
                where=source.source,
                hint="use a format with a folder for each split, such as imagefolder",
            )
    if missing:
        raise _missing(source, missing)
    return places


def _differ(dataset: Dataset, one: ImageRecord, other: ImageRecord) -> bool:
    """Return whether tar files have two images of this location: those of two splits can differ."""
    if dataset.image_folder is not None or one.split == other.split:
        return False
    keys = [(image.split, image.location) for image in (one, other)]
    if not all(key in dataset.members for key in keys):
        return False
    return dataset.image_bytes(one) != dataset.image_bytes(other)


def _exists(dataset: Dataset, image: ImageRecord) -> bool:
    if dataset.image_folder is None and dataset.members:
        return (image.split, image.location) in dataset.members
    try:
        dataset.image_path(image)
    except RsitmdError as error:
        if error.what == MISSING_FILE:
            return False
        raise
    return True


def _missing(dataset: Dataset, names: list[str]) -> RsitmdError:
    hint = "restore the files, or use --images none"
    folder = dataset.image_folder
    if folder is not None:
        beside = (folder / names[0]).parent
        wanted = PurePosixPath(names[0]).name
        entries = sorted(e.name for e in beside.iterdir()) if beside.is_dir() else []
        other = next((name for name in entries if name.casefold() == wanted.casefold()), None)
        if other is not None:
            hint = f"the folder has {other}: rename it"
    return RsitmdError(
        f"{count_of(len(names), 'image')} of {len(dataset)} without a file, first {names[0]}",
        where=dataset.source,
        hint=hint,
    )


def _write(dataset: Dataset, image: ImageRecord, target: Path, mode: ImageMode) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if mode.kind == JPEG or dataset.image_folder is None:
        if mode.kind == LINK:
            raise WrongUsage("files in an archive cannot be linked", hint="use --images copy")
        target.write_bytes(_bytes(dataset, image, mode))
        return
    path = dataset.image_path(image)
    if mode.kind == COPY:
        shutil.copyfile(path, target)
        return
    try:
        os.link(path.resolve(), target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise
        raise RsitmdError(
            "cannot be linked from here (another file system, or links are not allowed)",
            where=path,
            hint="use --images copy",
        ) from error


def decoded_image(dataset: Dataset, image: ImageRecord) -> Image:
    """Return an image as RGB in its own size. Values of more than 8 bits are stretched.

    Raises:
        RsitmdError: The image has no file, or cannot be used.
    """
    from rsitmd_tools.imaging.decode import decode_file
    from rsitmd_tools.imaging.limits import UnusableImageError
    from rsitmd_tools.imaging.source import ImageFile, read_image_file

    path = None if dataset.image_folder is None else dataset.image_path(image)
    try:
        file = read_image_file(path) if path else ImageFile(dataset.image_bytes(image))
        return decode_file(file, None).image
    except UnusableImageError as error:
        raise RsitmdError(
            str(error), where=path or image.location, hint="replace the image"
        ) from error


def _bytes(dataset: Dataset, image: ImageRecord, mode: ImageMode) -> bytes:
    if mode.kind != JPEG:
        return dataset.image_bytes(image)
    stream = io.BytesIO()
    decoded_image(dataset, image).save(stream, "JPEG", quality=mode.quality)
    return stream.getvalue()


def _jpeg_name(name: str) -> str:
    path = PurePosixPath(name)
    known = path.suffix.lower() in SUFFIXES
    return str(path.with_suffix(".jpg")) if known else f"{name}.jpg"
