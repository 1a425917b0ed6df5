"""Nodata values beside a raster, in the metadata file of GDAL (``NAME.aux.xml``).

A JPEG 2000, PNG or JPEG file has no other place for them. Nothing else of the file is used: it can
name other files, and programs write statistics into it that change no pixel.
"""

from __future__ import annotations

from xml.etree import ElementTree

MAX_BYTES = 10_000_000


def nodata_only(data: bytes) -> bytes | None:
    """Return the metadata of a raster with its nodata values only; None without one.

    Args:
        data: Contents of the file ``NAME.aux.xml``.
    """
    if b"<NoDataValue" not in data or b"<!DOCTYPE" in data or len(data) > MAX_BYTES:
        return None
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 (without a document type)
    except (ElementTree.ParseError, ValueError, LookupError):
        return None  # GDAL ignores it too
    if root.tag != "PAMDataset":
        return None
    found = ElementTree.Element("PAMDataset")
    for band in root.iterfind("PAMRasterBand"):
        value = band.find("NoDataValue")
        if value is not None:
            kept = ElementTree.SubElement(found, "PAMRasterBand", band=band.get("band", "1"))
            ElementTree.SubElement(kept, "NoDataValue").text = (value.text or "").strip()
    return ElementTree.tostring(found) if len(found) else None
