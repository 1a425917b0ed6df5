"""Normalisation of one file: the part of ingest that runs in parallel."""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from rsitmd_tools.atomic import unfinished_name, write_error
from rsitmd_tools.errors import reason
from rsitmd_tools.imaging.decode import Reading, decode_file
from rsitmd_tools.imaging.limits import UnusableImageError, check_bytes
from rsitmd_tools.imaging.measures import Lines
from rsitmd_tools.imaging.options import DEFAULTS, BandOptions
from rsitmd_tools.imaging.perceptual import grey_thumbnail
from rsitmd_tools.imaging.quiet import quiet_decoders
from rsitmd_tools.imaging.source import with_side_files
from rsitmd_tools.ingest.measured import MeasuredFile, measured_file
from rsitmd_tools.workspace.sources import SourceState, state_of

PREDICTOR = 317


@dataclass(frozen=True, slots=True)
class Normalised:
    """The result for one file.

    Attributes:
        sha256: SHA-256 of the file; empty if it cannot be read.
        tiff: Name of the unfinished file with the normalised image; empty if the file is known or
            unusable.
        original: Name of the unfinished copy of the source; empty if none was asked for.
        pixel_sha256: SHA-256 of the normalised RGB pixels.
        thumbnail: Grey values to hash, see :func:`grey_thumbnail`.
        width: Width of the source in pixels.
        height: Height of the source in pixels.
        measured: The file ``tiff`` and its measures; None if it was not measured.
        state: State of the source when it was read; None if it cannot be read, or if its pixels
            depend on other files too.
        reading: How its values became colours; None for plain colours of 8 bits.
        note: What the user should know of it, or None.
        problem: The reason why the file cannot be used, or None.
    """

    sha256: str
    tiff: str = ""
    original: str = ""
    pixel_sha256: str = ""
    thumbnail: bytes = b""
    width: int = 0
    height: int = 0
    measured: MeasuredFile | None = None
    state: SourceState | None = None
    reading: Reading | None = None
    note: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where the workers write, under names that no other file has.

    Attributes:
        images: Folder of the normalised images.
        originals: Folder of the copies of the sources; None makes none.
    """

    images: Path
    originals: Path | None = None


def normalise(
    file: str,
    size: int,
    known: Set[str],
    target: Target,
    options: BandOptions = DEFAULTS,
    outside: bool = False,
    lines: Lines | None = None,
) -> Normalised:
    """Read, decode, resize, hash, encode and write a file.

    Args:
        file: The file.
        size: Side length of the result in pixels.
        known: SHA-256 of files that do not have to be decoded.
        target: Where to write.
        options: Bands and values of a raster.
        outside: Whether a VRT may read files outside of its folder.
        lines: Thresholds of the rules, to measure the image too.

    Raises:
        RsitmdError: The image cannot be written, for example on a full disk.
    """
    sha256, state = "", None
    try:
        data, state = _read(file)
        source = with_side_files(Path(file), data, outside)
        sha256, state = source.sha256, state if source.alone else None
        if sha256 in known:
            return Normalised(sha256, state=state)
        with quiet_decoders():
            decoded = decode_file(source, size, options, outside)
        source.check_unchanged()
    except OSError as error:
        return Normalised(sha256, problem=f"cannot be read ({reason(error)})")
    except UnusableImageError as error:
        return Normalised(sha256, problem=str(error))
    image = decoded.image
    grey, tiff = image.convert("L"), encode_tiff(image)
    pixel_sha256 = hashlib.sha256(image.tobytes()).hexdigest()
    return Normalised(
        sha256=sha256,
        tiff=_write(target.images, tiff),
        original="" if target.originals is None else _write(target.originals, data),
        pixel_sha256=pixel_sha256,
        thumbnail=grey_thumbnail(grey),
        width=decoded.width,
        height=decoded.height,
        measured=None if lines is None else measured_file(tiff, pixel_sha256, grey, lines),
        state=state,
        reading=decoded.reading,
        note=decoded.note,
    )


def encode_tiff(image: Image.Image) -> bytes:
    """Encode an image as lossless TIFF, with the same bytes on every machine.

    LZW with the horizontal predictor is the fastest of the widely supported lossless methods
    that reduce the size of photographs (by 29 %).
    """
    encoded = io.BytesIO()
    image.save(encoded, format="TIFF", compression="tiff_lzw", tiffinfo={PREDICTOR: 2})
    return encoded.getvalue()


def _read(file: str) -> tuple[bytes, SourceState]:
    """Return the bytes of a file and its state.

    Raises:
        OSError: It cannot be read.
        UnusableImageError: It is too large, or changed while it was read.
    """
    now = time.time_ns()
    with open(file, "rb") as stream:
        before = os.fstat(stream.fileno())
        check_bytes(before.st_size)
        # One byte more than it has, so that a growing file is seen and does not fill the memory.
        data = stream.read(before.st_size + 1)
        after = os.fstat(stream.fileno())
    if (len(data), before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise UnusableImageError("changed while it was read; run the same command again")
    return data, state_of(after, now)


def _write(folder: Path, data: bytes) -> str:
    """Write an unfinished file; return its name."""
    path = folder / unfinished_name(".new")
    try:
        path.write_bytes(data)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise write_error(folder, error) from error
    return path.name
