"""The bytes of an image file and its side files. Hash and pixels come from the same bytes."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.imaging.beside import mask_beside
from rsitmd_tools.imaging.limits import UnusableImageError, check_bytes
from rsitmd_tools.imaging.pam import pixel_metadata
from rsitmd_tools.imaging.tiff import STARTS, summarise
from rsitmd_tools.imaging.vrt import is_vrt, read_vrt

CHANGED = "changed while it was read; run the command again"
METADATA = ".aux.xml"
START = 1000  # bytes of a file that say whether it is a VRT

Fingerprint = tuple[int, int, int]


@dataclass(frozen=True)
class ImageFile:
    """A file that was read.

    Attributes:
        data: Its contents.
        sha256: Its SHA-256. If it has a mask or metadata beside it, or is a VRT, the SHA-256 of the
            SHA-256 of all of them, so that it changes with any of them.
        path: Where it is; None if there is no file.
        mask: Contents of the mask beside it (``.msk``), or None.
        metadata: The part of GDAL's metadata beside it (``.aux.xml``) that changes its pixels, or
            None.
        states: Fingerprints of the files that are beside it, or are read again.
    """

    data: bytes
    sha256: str = ""
    path: Path | None = None
    mask: bytes | None = None
    metadata: bytes | None = None
    states: dict[Path, Fingerprint] = field(default_factory=dict)

    @property
    def alone(self) -> bool:
        """Whether the pixels depend on no other file."""
        return not self.states

    def check_unchanged(self) -> None:
        """Check that no file changed since it was read.

        Raises:
            UnusableImageError: One did.
        """
        for path, state in self.states.items():
            if not path.exists() or fingerprint(path) != state:
                raise UnusableImageError(CHANGED)


def read_image_file(path: Path, outside: bool = False) -> ImageFile:
    """Read a file and what it needs; see :func:`with_side_files`.

    Raises:
        UnusableImageError: It is too large, changes while it is read, or is a VRT that names what
            it may not read.
        OSError: It cannot be read.
    """
    states: dict[Path, Fingerprint] = {}
    return with_side_files(path, _read(path, states), outside)


def with_side_files(path: Path, data: bytes, outside: bool) -> ImageFile:
    """Read the mask and the metadata beside a file, and the hashes of the sources of a VRT.

    Args:
        path: The file.
        data: Its contents.
        outside: Whether a VRT may read files outside of its folder.

    Raises:
        UnusableImageError: A file changes while it is read, or is a VRT that names what it may
            not read.
        OSError: A file cannot be read.
    """
    states: dict[Path, Fingerprint] = {}
    hashes = [hashlib.sha256(data).hexdigest()]
    beside = mask_beside(path)
    mask = _read(beside, states) if beside else None
    if mask is not None:
        hashes.append(hashlib.sha256(mask).hexdigest())
    metadata = _metadata_beside(path, data, states)
    if metadata is not None:
        hashes.append(hashlib.sha256(metadata).hexdigest())
    if is_vrt(data):
        # It is read again when it is opened.
        if _read(path, states) != data:
            raise UnusableImageError(CHANGED)
        for source in read_vrt(path, "", outside).sources:
            states[source] = fingerprint(source)
            with source.open("rb") as stream:
                hashes.append(hashlib.file_digest(stream, "sha256").hexdigest())
    return ImageFile(data, combined_hash(hashes), path, mask, metadata, states)


def _metadata_file(path: Path) -> Path:
    return path.with_name(path.name + METADATA)


def _metadata_of(path: Path) -> bytes | None:
    """Return the metadata beside a file that is not a VRT, without reading all of the file."""
    if not _metadata_file(path).is_file() or not path.stat().st_size:
        return None
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ) as data:
        return _metadata_beside(path, data, {})


def _metadata_beside(
    path: Path, data: bytes | mmap.mmap, states: dict[Path, Fingerprint]
) -> bytes | None:
    """Return what changes the pixels of a file beside it, and add the state of its metadata."""
    beside = _metadata_file(path)
    if not beside.is_file() or is_vrt(data[:START]):
        return None
    tiff = data[:START].startswith(STARTS)
    own_nodata = tiff and summarise(data).nodata is not None
    read: dict[Path, Fingerprint] = {}
    metadata = pixel_metadata(_read(beside, read), own_nodata=own_nodata, colours=tiff)
    if metadata is not None:
        states |= read
    return metadata


def combined_hash(hashes: Sequence[str]) -> str:
    """Return the SHA-256 of a file and those that it needs; of a file alone, its own."""
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def scene_sha256(path: Path, outside: bool = False) -> str:
    """Return the SHA-256 of a raster and the files that its pixels depend on.

    Args:
        path: The file. A large one is never in memory as a whole.
        outside: Whether a VRT may read files outside of its folder.

    Raises:
        UnusableImageError: It is a VRT that names what it may not read.
        OSError: It cannot be read.
    """
    if _starts_as_vrt(path):
        return read_image_file(path, outside).sha256
    mask, metadata = mask_beside(path), _metadata_of(path)
    hashes = [sha256_file(path)]
    if mask is not None:
        hashes.append(sha256_file(mask))
    if metadata is not None:
        hashes.append(hashlib.sha256(metadata).hexdigest())
    return combined_hash(hashes)


def needs_other_files(path: Path) -> bool:
    """Return whether the pixels of a raster depend on other files.

    A VRT has sources and their masks. Other rasters can have a mask or metadata beside them.

    Raises:
        OSError: It cannot be read.
    """
    return _starts_as_vrt(path) or needs_files_beside(path)


def needs_files_beside(path: Path) -> bool:
    """Return whether a raster that is not a VRT has a mask or metadata that changes its pixels.

    Raises:
        OSError: It cannot be read.
        UnusableImageError: Its metadata is too large, or changes while it is read.
    """
    return mask_beside(path) is not None or _metadata_of(path) is not None


def other_files(path: Path, outside: bool = False) -> dict[Path, Fingerprint]:
    """Return the other files that the pixels of a raster depend on, with their fingerprints.

    These are the mask and the metadata beside it, and the sources of a VRT with their masks.

    Raises:
        UnusableImageError: It is a VRT that names what it may not read.
        OSError: A file cannot be read.
    """
    beside = mask_beside(path)
    files = [] if beside is None else [beside]
    if _starts_as_vrt(path):
        files += read_vrt(path, "", outside).sources
    elif _metadata_of(path) is not None:
        files.append(_metadata_file(path))
    return {file: fingerprint(file) for file in files}


def _starts_as_vrt(path: Path) -> bool:
    with path.open("rb") as stream:
        return is_vrt(stream.read(START))


def _read(path: Path, states: dict[Path, Fingerprint]) -> bytes:
    states[path] = fingerprint(path)
    size = states[path][1]
    check_bytes(size)
    data = path.read_bytes()
    if len(data) != size or fingerprint(path) != states[path]:
        raise UnusableImageError(CHANGED)
    return data


@contextmanager
def unchanged(*paths: Path) -> Iterator[None]:
    """Check that files do not change while the block runs.

    Raises:
        UnusableImageError: One did.
    """
    file = ImageFile(b"", states={path: fingerprint(path) for path in paths})
    yield
    file.check_unchanged()


def fingerprint(path: Path) -> Fingerprint:
    """Return what changes when a file is written: its inode, size and time."""
    state = path.stat()
    return state.st_ino, state.st_size, state.st_mtime_ns
