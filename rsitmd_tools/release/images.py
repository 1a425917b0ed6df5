"""The image files of a release: copied, after a comparison with what was ingested."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from PIL import Image

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.imaging.quiet import quiet_decoders
from rsitmd_tools.progress import track

IMAGE_LIST = "images.csv"
IMAGE_COLUMNS = ("filename", "sha256", "source", "source_sha256")


def copy_images(dataset: Dataset, pixels: Mapping[str, str], folder: Path | None) -> dict[str, str]:
    """Copy the image files, after a comparison of their pixels with those of the ingest.

    Args:
        dataset: The images.
        pixels: SHA-256 of the pixels by file name.
        folder: The folder to create; None reads the files without copying them.

    Returns:
        SHA-256 of the source by path in the release.
    """
    if folder is not None:
        folder.mkdir()
    copies = {}
    for image in track(dataset.images, "images", len(dataset)):
        source = dataset.image_path(image)
        data = _read(source)
        _check_pixels(data, pixels[image.filename], source)
        if folder is not None:
            (folder / image.filename).write_bytes(data)
        copies[f"images/{image.filename}"] = hashlib.sha256(data).hexdigest()
    return copies


def list_images(
    dataset: Dataset, copies: Mapping[str, str], sources: Mapping[str, tuple[str, str]]
) -> str:
    """Return the list of the images of a release without images, as CSV.

    The columns are the file name, its SHA-256, and name and SHA-256 of the source file.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(IMAGE_COLUMNS)
    for image in dataset:
        name, sha256 = sources[image.filename]
        table.writerow([image.filename, copies[f"images/{image.filename}"], name, sha256])
    return text.getvalue()


@dataclass(frozen=True, slots=True)
class ListedImage:
    """A line of ``images.csv``.

    Attributes:
        filename: File name in the release.
        sha256: SHA-256 of the file of the release.
        source: Name of the source file.
        source_sha256: SHA-256 of the source file.
    """

    filename: str
    sha256: str
    source: str
    source_sha256: str


def read_image_list(file: Path) -> list[ListedImage]:
    """Read ``images.csv``.

    Raises:
        RsitmdError: The file cannot be read, or a line is malformed.
    """
    hint = "get a complete copy of the release"
    try:
        rows = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RsitmdError(f"cannot be read ({reason(error)})", where=file, hint=hint) from error
    listed = []
    for number, row in enumerate(rows, 1):
        if number == 1 and tuple(row) == IMAGE_COLUMNS:
            continue
        if len(row) != len(IMAGE_COLUMNS) or number == 1 or not _is_file_name(row[0]):
            raise RsitmdError("is malformed", where=f"{file}: line {number}", hint=hint)
        listed.append(ListedImage(*row))
    return listed


def _is_file_name(name: str) -> bool:
    return name == PurePosixPath(name).name == PureWindowsPath(name).name and name not in ("", "..")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=file, hint="check the file"
        ) from error


def _check_pixels(data: bytes, expected: str, source: Path) -> None:
    hint = "restore the file, or ingest its source into a new workspace"
    try:
        with quiet_decoders():
            image = Image.open(io.BytesIO(data), formats=["TIFF"]).convert("RGB")
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise RsitmdError(f"is damaged ({reason(error)})", where=source, hint=hint) from error
    if hashlib.sha256(image.tobytes()).hexdigest() != expected:
        raise RsitmdError("has different pixels than when it was ingested", where=source, hint=hint)


def check_copies(copies: dict[str, str], written: dict[str, str], out: Path) -> None:
    """Compare the written copies with the files of the workspace."""
    for name, expected in copies.items():
        if written[name] != expected:
            raise RsitmdError(
                f"the copy of {name} differs from its source",
                where=out,
                hint="check the disk and run the same command again",
            )
