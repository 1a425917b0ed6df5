"""Normalisation of one file: the part of ingest that runs in parallel."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from rsitmd_tools.errors import reason
from rsitmd_tools.imaging.decode import decode
from rsitmd_tools.imaging.limits import UnusableImageError, check_bytes
from rsitmd_tools.imaging.perceptual import grey_thumbnail, perceptual_hashes
from rsitmd_tools.imaging.quiet import quiet_decoders

PREDICTOR = 317


@dataclass(frozen=True, slots=True)
class Normalised:
    """The result for one file.

    Attributes:
        sha256: SHA-256 of the file; empty if it cannot be read.
        tiff: The normalised image as a TIFF file; empty if the file is known or unusable.
        pixel_sha256: SHA-256 of the normalised RGB pixels.
        phash: Perceptual hashes, see :func:`perceptual_hashes`.
        width: Width of the source in pixels.
        height: Height of the source in pixels.
        problem: The reason why the file cannot be used, or None.
    """

    sha256: str
    tiff: bytes = b""
    pixel_sha256: str = ""
    phash: str = ""
    width: int = 0
    height: int = 0
    problem: str | None = None


def normalise(path: Path, size: int, known: Set[str]) -> Normalised:
    """Read, decode, resize, hash and encode a file.

    Args:
        path: The file.
        size: Side length of the result in pixels.
        known: SHA-256 of files that do not have to be decoded.
    """
    sha256 = ""
    try:
        check_bytes(path.stat().st_size)
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 in known:
            return Normalised(sha256)
        with quiet_decoders():
            image, (width, height) = decode(data, size)
    except OSError as error:
        return Normalised(sha256, problem=f"cannot be read ({reason(error)})")
    except UnusableImageError as error:
        return Normalised(sha256, problem=str(error))
    return Normalised(
        sha256=sha256,
        tiff=encode_tiff(image),
        pixel_sha256=hashlib.sha256(image.tobytes()).hexdigest(),
        phash=perceptual_hashes([grey_thumbnail(image)])[0],
        width=width,
        height=height,
    )


def encode_tiff(image: Image.Image) -> bytes:
    """Encode an image as lossless TIFF, with the same bytes on every machine.

    LZW with the horizontal predictor is the fastest of the widely supported lossless methods
    that reduce the size of photographs (by 29 %).
    """
    encoded = io.BytesIO()
    image.save(encoded, format="TIFF", compression="tiff_lzw", tiffinfo={PREDICTOR: 2})
    return encoded.getvalue()
