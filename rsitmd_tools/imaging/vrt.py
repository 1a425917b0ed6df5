"""VRT files: the files that they name are checked before GDAL opens them.

GDAL gets a rewritten text, not the file: names of sources are absolute, and nothing else in it
can name a file. So it does not matter that GDAL reads XML in its own, more lenient way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from rsitmd_tools.errors import printable
from rsitmd_tools.imaging.beside import check_side_files, mask_beside
from rsitmd_tools.imaging.gdal import is_utf8
from rsitmd_tools.imaging.limits import UnusableImageError

START = b"<VRTDataset"
MAX_BYTES = 50_000_000
MOST_SOURCES = 10_000
DEPTH = 10
SOURCES = {"sourcefilename", "sourcedataset"}
REFUSED = {"argument", "dempath", "pixelfunctioncode", "processingsteps", "sourcearray", "array"}
DOMAINS = {"", "rpc", "image_structure"}
IMAGE_STARTS = (
    *(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\x89PNG", b"\xff\xd8\xff", b"RIFF"),
    *(b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"),
)
URL = re.compile(r"/vsi|[a-z][a-z0-9+.-]+://", re.IGNORECASE)


@dataclass
class Vrt:
    """A VRT that can be opened.

    Attributes:
        texts: File name in memory and content, of the VRT itself first and then of those that
            it names.
        sources: The image files that it reads with the masks beside them, and the other VRT files.
    """

    texts: dict[str, bytes] = field(default_factory=dict)
    sources: list[Path] = field(default_factory=list)


def is_vrt(data: bytes) -> bool:
    """Return whether the beginning of a file is that of a VRT."""
    start = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith(b"<") and START in start


def read_vrt(path: Path, folder: str, outside: bool = False) -> Vrt:
    """Read a VRT and the VRT files that it names.

    Args:
        path: The file.
        folder: Folder of GDAL's files in memory, for the names of other VRT files.
        outside: Whether its sources may be outside of its folder.

    Raises:
        UnusableImageError: It names a URL, a file outside of its folder, a missing file or one
            that is not an image, or one with a mask or overviews that GDAL must not open.
        OSError: It cannot be read.
    """
    found = Vrt()
    _add(found, path.absolute(), folder, path.resolve().parent if not outside else None, 0)
    return found


def read_with(path: Path, outside: bool = False) -> list[Path]:
    """Return the files that are read with a raster: the sources of a VRT.

    Args:
        path: The raster.
        outside: Whether its sources may be outside of its folder.
    """
    if path.suffix.lower() != ".vrt":
        return []
    try:
        return read_vrt(path, "", outside).sources
    except (OSError, UnusableImageError):
        return []  # whoever opens it says why it is not usable


def _add(found: Vrt, path: Path, folder: str, root: Path | None, depth: int) -> str:
    """Add a VRT to those found; return its name in memory."""
    if depth > DEPTH or len(found.sources) > MOST_SOURCES:
        raise UnusableImageError("is a VRT that names too many other files")
    name = f"{len(found.texts)}.vrt"
    found.texts[name] = b""
    tree = _parsed(path)
    for parent in list(tree.iter()):
        for child in list(parent):
            tag = child.tag.lower()
            if tag in REFUSED:
                raise UnusableImageError(
                    f"is a VRT with {printable(child.tag)}, which is not supported"
                )
            if tag == "metadata" and child.get("domain", "").lower() not in DOMAINS:
                parent.remove(child)
            elif tag in SOURCES:
                _rewrite(found, child, path, folder, root, depth)
    found.texts[name] = ElementTree.tostring(tree)
    return name


def _parsed(path: Path) -> ElementTree.Element:
    if path.stat().st_size > MAX_BYTES:
        raise UnusableImageError("is a VRT of more than 50 megabytes")
    data = path.read_bytes()
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise UnusableImageError("is a VRT with a document type, which is not supported")
    try:
        tree = ElementTree.fromstring(data)  # noqa: S314 (without a document type)
    except ElementTree.ParseError as error:
        raise UnusableImageError(f"is a damaged VRT ({error})") from None
    if any(not isinstance(element.tag, str) for element in tree.iter()):
        raise UnusableImageError("is a damaged VRT")
    return tree


def _rewrite(
    found: Vrt, element: ElementTree.Element, path: Path, folder: str, root: Path | None, depth: int
) -> None:
    """Make the source that an element names absolute."""
    text = (element.text or "").strip()
    if URL.search(text):
        raise UnusableImageError(f"is a VRT that names a URL, {printable(text)}; copy it first")
    relative = next((v for k, v in element.attrib.items() if k.lower() == "relativetovrt"), "0")
    source = path.parent / text if relative == "1" else Path(text).absolute()
    real = source.resolve()
    if root is not None and not real.is_relative_to(root):
        raise UnusableImageError(
            f"is a VRT that names {printable(text)} outside of its folder; "
            "use --outside to allow it"
        )
    if not real.is_file():
        raise UnusableImageError(f"is a VRT that names {printable(text)}, which does not exist")
    if not is_utf8(str(real)):
        # GDAL does not find it, and rasterio, which cannot read GDAL's message, returns zeros.
        raise UnusableImageError(
            f"is a VRT that names {printable(text)}, whose path is not UTF-8; "
            "rename it or its folder"
        )
    with real.open("rb") as stream:
        start = stream.read(1000)
    found.sources.append(real)
    if is_vrt(start):
        name = f"{folder}/{_add(found, real, folder, root, depth + 1)}"
    elif start.startswith(IMAGE_STARTS):
        name = str(real)
        try:
            check_side_files(real, root)
        except UnusableImageError as error:
            problem = f"is a VRT that names {printable(text)}, which {error}"
            raise UnusableImageError(problem) from None
        mask = mask_beside(real)
        if mask is not None:
            found.sources.append(mask)
    else:
        raise UnusableImageError(f"is a VRT that names {printable(text)}, which is not an image")
    element.text = name
    element.attrib.clear()
    element.set("relativeToVRT", "0")
