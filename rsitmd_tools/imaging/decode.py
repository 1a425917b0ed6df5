"""Decoding of image files and rasters to square RGB images."""

from __future__ import annotations

import importlib.util
import io
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from rsitmd_tools.errors import reason
from rsitmd_tools.imaging.limits import MAX_PIXELS, UnusableImageError, check_size
from rsitmd_tools.imaging.modes import UPRIGHT, WITH_ALPHA, on_black, without_palette
from rsitmd_tools.imaging.options import DEFAULTS, BandOptions, ValueRange
from rsitmd_tools.imaging.profiles import to_srgb
from rsitmd_tools.imaging.raster import Raster, open_bytes, open_raster
from rsitmd_tools.imaging.source import ImageFile
from rsitmd_tools.imaging.stretch import stretch
from rsitmd_tools.imaging.tiff import ORIENTATION, STARTS, TiffSummary, pages_note, summarise
from rsitmd_tools.imaging.vrt import is_vrt

FORMATS = ("TIFF", "JPEG", "PNG", "WEBP", "JPEG2000")
NAMES = "a TIFF, JPEG, PNG, WebP, JPEG 2000 or VRT image"
JPEG_2000 = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
TIFF_BITS, TIFF_SAMPLES, TIFF_PLANAR, TIFF_SAMPLE_FORMAT = 258, 277, 284, 339
SEPARATE = 2  # each band for itself
PNG_DEPTH = 24  # offset of the byte with the number of bits per sample
DEEP_GREY = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
NO_VALID_PIXEL = "has no valid pixel (all are nodata, masked or transparent)"


class Reading(NamedTuple):
    """How the values of a file became colours.

    Attributes:
        bands: The bands that were read, counted from 1.
        limits: Values that became black and white; None if 8-bit values are unchanged.
        percentiles: Percentiles from which the limits were computed; None for a fixed range.
    """

    bands: tuple[int, ...]
    limits: ValueRange | None
    percentiles: tuple[float, float] | None


@dataclass(frozen=True)
class Decoded:
    """A decoded file.

    Attributes:
        image: An RGB image.
        width: Width of the file in pixels.
        height: Height of the file in pixels.
        reading: How its values became colours; None for 8-bit colours that were taken as they
            are by Pillow.
        note: What the user should know, or None.
    """

    image: Image.Image
    width: int
    height: int
    reading: Reading | None = None
    note: str | None = None


def decode_file(
    file: ImageFile, size: int | None, options: BandOptions = DEFAULTS, outside: bool = False
) -> Decoded:
    """Decode a file to a square RGB image.

    The largest centred square is cropped and resized (Lanczos). If its side length is already
    ``size``, the pixels are unchanged. The EXIF orientation and an embedded colour profile are
    applied, pixels that are transparent or not valid become black, values of more than 8 bits are
    stretched, and only the first page is read.

    Pillow decodes files with 8 bits per colour. rasterio (extra ``geo``) reads all others, and
    files with a mask, metadata, nodata or missing blocks that Pillow would ignore.

    The limits on bytes and pixels bound the memory. An image is resized before all other
    operations.

    Args:
        file: The file.
        size: Side length of the result in pixels; None for the whole image in its own size.
        options: Bands and values.
        outside: Whether a VRT may read files outside of its folder.

    Raises:
        UnusableImageError: The file is not an image, or is damaged, too small or too large.
    """
    if not file.data:
        raise UnusableImageError("is empty")
    try:
        if is_vrt(file.data):
            return _decode_vrt(file, size, options, outside)
        return _decode_image(file, size, options)
    except UnusableImageError:
        raise
    except Image.DecompressionBombError:
        limit = MAX_PIXELS // 1_000_000
        raise UnusableImageError(f"has more than {limit} megapixels; cut it into tiles") from None
    except Exception as error:
        # Decoders raise many types of exceptions for damaged files.
        raise UnusableImageError(f"cannot be decoded ({reason(error)})") from None


def central_square(width: int, height: int) -> tuple[int, int, int, int]:
    """Return the box ``(left, top, right, bottom)`` of the largest centred square."""
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def _decode_vrt(file: ImageFile, size: int | None, options: BandOptions, outside: bool) -> Decoded:
    if file.path is None:
        raise UnusableImageError("is a VRT, which is read from a file only")
    with open_raster(file.path, outside) as raster:
        return _from_raster(raster, size, options)


def _decode_image(file: ImageFile, size: int | None, options: BandOptions) -> Decoded:
    data = file.data
    summary = summarise(data) if data.startswith(STARTS) else TiffSummary()
    blocks = data.startswith((*STARTS, *JPEG_2000))
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        if blocks:
            return _by_rasterio(file, size, options, summary)
        if isinstance(error, UnidentifiedImageError):
            raise UnusableImageError(f"is not {NAMES}") from None
        raise
    asked = _needs_rasterio(image, file, options, summary)
    if asked and (image.mode not in DEEP_GREY or asked != "deep" or _has_rasterio()):
        orientation = int(image.getexif().get(ORIENTATION, 1))
        return _by_rasterio(file, size, options, summary, orientation)
    try:
        return _by_pillow(image, size, options, summary)
    except (OSError, SyntaxError, ValueError) as error:
        # Pillow's libtiff has fewer compressions than GDAL's.
        if not (blocks and _has_rasterio()):
            raise
        try:
            return _by_rasterio(file, size, options, summary)
        except UnusableImageError:
            raise error from None


def _needs_rasterio(
    image: Image.Image, file: ImageFile, options: BandOptions, summary: TiffSummary
) -> str:
    """Return why Pillow cannot decode an opened file as it should: ``deep``, ``other`` or ``""``.

    ``deep`` are single bands of more than 8 bits, which Pillow can decode if nothing is masked.
    """
    if file.mask is not None or file.metadata is not None or options.bands or options.value_range:
        return "other"
    if image.format == "JPEG2000":
        return "deep" if _has_rasterio() or image.mode in DEEP_GREY else ""
    if image.format == "PNG":
        return "deep" if file.data[PNG_DEPTH] > 8 else ""
    if not isinstance(image, TiffImageFile):
        return ""
    bits = max(image.tag_v2.get(TIFF_BITS, (1,)))
    signed = set(image.tag_v2.get(TIFF_SAMPLE_FORMAT, (1,))) - {1}
    if summary.masked or summary.sparse or _hides(summary.nodata, image.mode):
        return "other"
    if summary.reordered or (summary.located and summary.orientation in UPRIGHT):
        return "other"
    if image.tag_v2.get(TIFF_SAMPLES, 1) != len(image.getbands()) and image.mode != "RGB":
        return "other"
    if image.mode in {"LA", "La"} and image.tag_v2.get(TIFF_PLANAR) == SEPARATE:
        return "other"  # Pillow reads its alpha as 0
    if bits <= 8 and not signed:
        return "other" if image.width * image.height > MAX_PIXELS else ""
    return "deep"


def _hides(nodata: str | None, mode: str) -> bool:
    """Return whether pixels can have a nodata value."""
    if nodata is None:
        return False
    try:
        value = float(nodata)
    except ValueError:
        return False
    return mode in DEEP_GREY or 0 <= value <= 255


def _has_rasterio() -> bool:
    return importlib.util.find_spec("rasterio") is not None


def _by_pillow(
    image: Image.Image, size: int | None, options: BandOptions, summary: TiffSummary
) -> Decoded:
    width, height = image.size
    check_size(width, height)
    note = pages_note(summary.pages or getattr(image, "n_frames", 1))
    profile = image.info.get("icc_profile")
    if size is not None:
        # A JPEG is decoded at 1/2, 1/4 or 1/8 of its size if that is large enough.
        image.draft("RGB", (2 * size, 2 * size))
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    reading = None
    if image.mode in DEEP_GREY:
        shades, limits = stretch(np.asarray(image), options.percentiles)
        image = Image.fromarray(shades)
        reading = Reading((1,), limits, options.percentiles)
    small = without_palette(image)
    if small.mode in WITH_ALPHA and small.getbbox(alpha_only=True) is None:
        raise UnusableImageError(NO_VALID_PIXEL)
    if size is not None:
        small = small.resize(
            (size, size),
            Image.Resampling.LANCZOS,
            box=central_square(*image.size),
            reducing_gap=2.0,
        )
    rgb = to_srgb(on_black(small), profile).convert("RGB")
    return Decoded(rgb, width, height, reading, note)


def _by_rasterio(
    file: ImageFile,
    size: int | None,
    options: BandOptions,
    summary: TiffSummary,
    orientation: int | None = None,
) -> Decoded:
    # Not the name of the file, which GDAL takes as UTF-8 only.
    files = {"image": file.data}
    if file.mask is not None:
        files["image.msk"] = file.mask
        if not file.mask.startswith(STARTS):
            raise UnusableImageError("has a mask beside it (.msk) that is not a TIFF")
    if file.metadata is not None:
        files["image.aux.xml"] = file.metadata
    with open_bytes(files) as raster:
        turned = UPRIGHT.get(orientation or summary.orientation)
        return _from_raster(raster, size, options, summary.pages, turned)


def _from_raster(
    raster: Raster,
    size: int | None,
    options: BandOptions,
    pages: int = 1,
    turned: Image.Transpose | None = None,
) -> Decoded:
    check_size(raster.width, raster.height, blocks=True)
    limits = raster.value_range(options)
    window, out_size = None, None
    if size is not None:
        left, top, right, bottom = central_square(raster.width, raster.height)
        window, out_size = (left, top, right - left, bottom - top), (size, size)
    rgb, valid = raster.read_rgb(window, out_size, options, limits)
    if not valid.any() and not raster.has_valid_pixel(options):
        raise UnusableImageError(NO_VALID_PIXEL)
    image = Image.fromarray(rgb)
    # Where pixels have coordinates, these say what is up.
    if turned is not None and raster.crs is None:
        image = image.transpose(turned)
    colours = raster.colours(options)
    stretched = limits is not None and colours.full is None and options.value_range is None
    reading = Reading(colours.bands, limits, options.percentiles if stretched else None)
    return Decoded(image, raster.width, raster.height, reading, pages_note(pages))
