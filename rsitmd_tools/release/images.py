"""The image files of a release: copied, after a comparison with what was ingested."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.formats.image_list import ListedImage
from rsitmd_tools.imaging.known_pictures import KnownPicture, KnownPictures
from rsitmd_tools.imaging.limits import UnusableImageError, check_size
from rsitmd_tools.imaging.measures import Lines, Picture, picture_of
from rsitmd_tools.imaging.pool import SMALL, ahead_of_use, map_in_order, start_ahead
from rsitmd_tools.imaging.quiet import quiet_decoders
from rsitmd_tools.progress import track
from rsitmd_tools.quality.pictures import CHUNK
from rsitmd_tools.quality.records import Measured, PictureOf

# Imported once, for the worker that checks the records too.
PRELOAD = ("rsitmd_tools.release.validation",)
MANY = 64  # images that are copied at once


class _Job(NamedTuple):
    """An image to copy: its file, its name in the release and the SHA-256 of its pixels."""

    file: str  # a path would take several times as long on its way to a worker
    filename: str
    pixels: str

    @property
    def source(self) -> Path:
        return Path(self.file)

    def __str__(self) -> str:
        return self.file


class Source(NamedTuple):
    """The source of an image.

    Attributes:
        name: File name, without the folders of this machine.
        sha256: SHA-256 of the file, or of all files of a scene that has several.
        window: ``col row width height`` of a tile, else empty.
        licence: Its licence, or an empty text.
    """

    name: str
    sha256: str
    window: str = ""
    licence: str = ""


class _Copied(NamedTuple):
    """A copied image: SHA-256 of its file, and its measures if it was decoded."""

    sha256: str
    picture: Picture | None


class CopiedImages:
    """The image files, copied by other processes while this one goes on.

    Args:
        dataset: The images.
        known: The images that were decoded before. It gets the others.
        jobs: What is copied, image by image.
        results: The copies, in the same order, as soon as they are finished.
    """

    def __init__(
        self,
        dataset: Dataset,
        known: KnownPictures,
        jobs: Sequence[_Job],
        results: Iterator[_Copied],
    ) -> None:
        self._dataset, self._known = dataset, known
        self._jobs, self._results = jobs, results

    def wait(self) -> tuple[dict[str, str], Measured]:
        """Wait for the copies.

        Returns:
            SHA-256 of the bytes by path in the release, and the measures of the images.

        Raises:
            RsitmdError: A file is damaged, or its pixels are not those of the ingest.
        """
        copied = list(track(self._results, "images", len(self._jobs)))
        return _measures(self._dataset, self._known, self._jobs, copied)


def start_workers(images: Path) -> None:
    """Start the processes that will copy the images of a folder, if there are enough of them."""
    with suppress(OSError), os.scandir(images) as entries:
        if sum(1 for _ in entries) > SMALL:
            start_ahead(_copy, PRELOAD)


@contextmanager
def copy_images(
    dataset: Dataset, pixels: Mapping[str, str], folder: Path | None, known: KnownPictures
) -> Iterator[CopiedImages]:
    """Copy the image files, after a comparison of their pixels with those of the ingest.

    A file is decoded only if ``known`` does not have the pixels of a file with these bytes.

    Args:
        dataset: The images.
        pixels: SHA-256 of the pixels by file name.
        folder: The folder to create; None reads the files without copying them.
        known: The images that were decoded before. It gets the others.

    Yields:
        The copies, which are made while the block runs. They end with it.
    """
    if folder is not None:
        folder.mkdir()
    jobs = [
        _Job(str(dataset.image_path(image)), image.filename, pixels[image.filename])
        for image in dataset
    ]
    before = {digest: entry.pixel_sha256 for digest, entry in known.by_digest.items()}
    copy = partial(_copy, folder=folder, before=before, lines=known.lines)
    # If nothing is decoded, sending an image to a worker and back costs as much as reading it.
    chunk = MANY if len(before) >= len(jobs) else CHUNK
    copies = partial(map_in_order, copy, jobs, chunk=chunk, preload=PRELOAD)
    with ahead_of_use(lambda stop: copies(stop=stop)) as results:
        yield CopiedImages(dataset, known, jobs, results)


def _measures(
    dataset: Dataset, known: KnownPictures, jobs: Sequence[_Job], copied: Sequence[_Copied]
) -> tuple[dict[str, str], Measured]:
    """Return the checksums and the measures of copied images."""
    found = {
        entry.sha256: known.by_digest[entry.sha256]
        if entry.picture is None
        else KnownPicture(job.pixels, entry.picture)
        for job, entry in zip(jobs, copied, strict=True)
    }
    known.keep(found)
    measured = Measured(
        tuple(
            PictureOf(image, replace(found[entry.sha256].picture, path=job.source))
            for image, job, entry in zip(dataset, jobs, copied, strict=True)
        ),
        tuple(entry.sha256 for entry in copied),
        known,
    )
    sums = zip(jobs, copied, strict=True)
    return {f"images/{job.filename}": entry.sha256 for job, entry in sums}, measured


def _copy(job: _Job, folder: Path | None, before: Mapping[str, str], lines: Lines) -> _Copied:
    """Copy one image; run by a worker process."""
    data = _read(job.source)
    sha256 = hashlib.sha256(data).hexdigest()
    picture = None
    if before.get(sha256) != job.pixels:
        image = _check_pixels(data, job.pixels, job.source)
        picture = _measured(job.source, image, lines)
    if folder is not None:
        (folder / job.filename).write_bytes(data)
    return _Copied(sha256, picture)


def _measured(source: Path, image: Image.Image, lines: Lines) -> Picture:
    try:
        check_size(*image.size)
    except UnusableImageError as error:
        return Picture(source, str(error))
    return picture_of(source, image, image.mode, lines)


def list_images(
    dataset: Dataset, copies: Mapping[str, str], sources: Mapping[str, Source]
) -> list[ListedImage]:
    """Return the lines of ``images.csv``.

    Args:
        dataset: The released images.
        copies: SHA-256 of their files by path in the release.
        sources: Their sources by file name.
    """
    names = [image.filename for image in dataset]
    return [ListedImage(name, copies[f"images/{name}"], *sources[name]) for name in names]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=file, hint="check the file"
        ) from error


def _check_pixels(data: bytes, expected: str, source: Path) -> Image.Image:
    """Decode an image and compare its pixels with those of the ingest."""
    hint = "restore the file, or ingest its source into a new workspace"
    try:
        with quiet_decoders():
            image = Image.open(io.BytesIO(data), formats=["TIFF"])
            pixels = image.convert("RGB").tobytes()
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise RsitmdError(f"is damaged ({reason(error)})", where=source, hint=hint) from error
    if hashlib.sha256(pixels).hexdigest() != expected:
        raise RsitmdError("has different pixels than when it was ingested", where=source, hint=hint)
    return image
