"""What the directories of a TIFF say that Pillow ignores: pages, masks and missing blocks."""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MOST_PAGES = 10_000
MOST_TAGS = 4_000

SUBFILE_TYPE, ORIENTATION = 254, 274
STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES = 273, 279, 324, 325
EXTRA_SAMPLES, GEO_KEYS, GDAL_METADATA, GDAL_NODATA = 338, 34735, 42112, 42113
MOST_METADATA = 1_000_000  # bytes
ASSOCIATED = 1
REDUCED, MASK = 1, 4  # bits of the subfile type
NUMBERS = {3: "u2", 4: "u4", 16: "u8"}
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
SIZES |= {16: 8, 17: 8, 18: 8}
_MARKED_BAND = re.compile(r'<Item name="COLORINTERP" sample="(\d+)"[^>]*>(\w+)<')


@dataclass(frozen=True, slots=True)
class TiffSummary:
    """What a TIFF holds besides its first image.

    Attributes:
        pages: Number of full images; masks and reduced copies are not counted.
        masked: Whether a page is the mask of another.
        sparse: Whether blocks of the first image are missing.
        orientation: Orientation of the first image, 1 (upright) to 8.
        premultiplied: Whether the colours are multiplied by the alpha.
        nodata: The nodata value that GDAL wrote, or None.
        reordered: Whether GDAL marked bands in another order than red, green, blue, or as alpha.
        located: Whether the file has map coordinates.
    """

    pages: int = 0
    masked: bool = False
    sparse: bool = False
    orientation: int = 1
    premultiplied: bool = False
    nodata: str | None = None
    reordered: bool = False
    located: bool = False


class _Entry(NamedTuple):
    """A tag: its type, the number of its values, and where they are."""

    kind: int
    values: int
    at: int


def pages_note(pages: int) -> str | None:
    """Return what the user should know of a file of several pages, or None."""
    return f"only the first of its {pages} pages was read" if pages > 1 else None


def summarise(data: bytes | mmap.mmap) -> TiffSummary:
    """Summarise a TIFF or BigTIFF; a damaged one as far as it can be read."""
    pages, masked = 0, False
    first: dict[int, _Entry] | None = None
    order = "<" if data[:2] == b"II" else ">"
    try:
        for tags in _directories(data, order):
            first = tags if first is None else first
            kind = _number(data, order, tags.get(SUBFILE_TYPE), 0)
            masked |= bool(kind & MASK)
            pages += not kind & (MASK | REDUCED)
    except (struct.error, IndexError, ValueError, OverflowError):
        pass
    if first is None:
        return TiffSummary()
    return TiffSummary(
        pages=pages,
        masked=masked,
        sparse=any(
            _has_zero(data, order, first.get(tag))
            for tag in (STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES)
        ),
        orientation=_number(data, order, first.get(ORIENTATION), 1),
        premultiplied=_number(data, order, first.get(EXTRA_SAMPLES), 0) == ASSOCIATED,
        nodata=_text(data, first.get(GDAL_NODATA)),
        reordered=_reordered(_text(data, first.get(GDAL_METADATA), MOST_METADATA) or ""),
        located=GEO_KEYS in first,
    )


def _directories(data: bytes | mmap.mmap, order: str) -> Iterator[dict[int, _Entry]]:
    """Yield the tags of each directory; a loop ends where it began."""
    big = struct.unpack_from(f"{order}H", data, 2)[0] == 43
    offset_format, count_format = ("Q", "Q") if big else ("I", "H")
    entry = struct.Struct(f"{order}HH{offset_format}")
    inline = 8 if big else 4
    (at,) = struct.unpack_from(order + offset_format, data, 8 if big else 4)
    seen: set[int] = set()
    while at and at not in seen and len(seen) < MOST_PAGES:
        seen.add(at)
        (count,) = struct.unpack_from(order + count_format, data, at)
        if count > MOST_TAGS:
            return
        at += struct.calcsize(count_format)
        tags: dict[int, _Entry] = {}
        for _ in range(count):
            tag, kind, values = entry.unpack_from(data, at)
            value_at = at + entry.size
            if values * SIZES.get(kind, 1) > inline:
                (value_at,) = struct.unpack_from(order + offset_format, data, value_at)
            tags[tag] = _Entry(kind, values, value_at)
            at += entry.size + inline
        yield tags
        (at,) = struct.unpack_from(order + offset_format, data, at)


def _number(data: bytes | mmap.mmap, order: str, entry: _Entry | None, default: int) -> int:
    if entry is None or entry.kind not in NUMBERS or not entry.values:
        return default
    size = SIZES[entry.kind]
    values = np.frombuffer(data[entry.at : entry.at + size], order + NUMBERS[entry.kind])
    return int(values[0]) if len(values) else default


def _has_zero(data: bytes | mmap.mmap, order: str, entry: _Entry | None) -> bool:
    if entry is None or entry.kind not in NUMBERS:
        return False
    part = data[entry.at : entry.at + entry.values * SIZES[entry.kind]]
    part = part[: len(part) // SIZES[entry.kind] * SIZES[entry.kind]]
    return bool((np.frombuffer(part, order + NUMBERS[entry.kind]) == 0).any())


def _reordered(metadata: str) -> bool:
    """Return whether a band is marked as alpha, or as a colour of another place."""
    places = {"Red": "0", "Green": "1", "Blue": "2", "Alpha": ""}
    return any(places.get(name, band) != band for band, name in _MARKED_BAND.findall(metadata))


def _text(data: bytes | mmap.mmap, entry: _Entry | None, most: int = 100) -> str | None:
    if entry is None or entry.kind != 2:
        return None
    raw = data[entry.at : entry.at + min(entry.values, most)]
    return raw.split(b"\0")[0].decode("ascii", "replace").strip()
