"""What changes the pixels of a raster in the metadata file of GDAL beside it (``NAME.aux.xml``).

These are nodata values, scales and offsets, and the colours of the bands of a TIFF. A JPEG 2000,
PNG or JPEG file has no other place for the first three. Nothing else of the file is used: it can
name other files, and programs write statistics into it that change no pixel.
"""

from __future__ import annotations

from xml.etree import ElementTree

MAX_BYTES = 10_000_000
NODATA = "NoDataValue"
# Values that change nothing.
_NUMBERS = {"Scale": 1.0, "Offset": 0.0}
_COLOURS = ("ColorInterp", "ColorTable")  # GDAL takes them for a TIFF only


def pixel_metadata(data: bytes, *, own_nodata: bool, colours: bool) -> bytes | None:
    """Return the part of the metadata of a raster that changes its pixels; None without one.

    Args:
        data: Contents of the file ``NAME.aux.xml``.
        own_nodata: Whether the raster has nodata values itself. Then those beside it do not count.
        colours: Whether GDAL uses the colours of the bands, as for a TIFF.
    """
    names = [*([] if own_nodata else [NODATA]), *_NUMBERS, *(_COLOURS if colours else ())]
    if not any(b"<" + name.encode() in data for name in names):
        return None
    if b"<!DOCTYPE" in data or len(data) > MAX_BYTES:
        return None
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 (without a document type)
    except (ElementTree.ParseError, ValueError, LookupError):
        return None  # GDAL ignores it too
    if root.tag != "PAMDataset":
        return None
    found = ElementTree.Element("PAMDataset")
    for band in root.iterfind("PAMRasterBand"):
        values = [
            value
            for name in names
            if (value := band.find(name)) is not None and not _changes_nothing(value)
        ]
        if values:
            kept = ElementTree.SubElement(found, "PAMRasterBand", band=band.get("band", "1"))
            for value in values:
                _copy(value, kept)
    return ElementTree.tostring(found) if len(found) else None


def _changes_nothing(value: ElementTree.Element) -> bool:
    try:
        return float(value.text or "") == _NUMBERS.get(value.tag)
    except ValueError:
        return False


def _copy(value: ElementTree.Element, parent: ElementTree.Element) -> None:
    """Copy a value without the white space around it."""
    copied = ElementTree.SubElement(parent, value.tag)
    copied.text = (value.text or "").strip()
    for entry in value:
        ElementTree.SubElement(copied, entry.tag, dict(sorted(entry.attrib.items())))
