"""Values of more than 8 bits, and rasters with other bands than red, green, blue."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.errors import reason
from rsitmd_tools.imaging.limits import UnusableImageError, check_size

LOW, HIGH = 2.0, 98.0  # percent of the values that become black and white


def stretch(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Map values of any range to 0..255.

    Sensors use a small part of 16 bits and a few values lie far out, so the range
    between the 2nd and the 98th percentile is stretched, over all bands together: their
    relation, the colour, stays. Masked and non-finite values become 0.

    Args:
        values: Numbers of any shape, possibly a masked array.

    Returns:
        Array of the same shape, uint8.

    Raises:
        UnusableImageError: No value is finite.
    """
    numbers = np.array(values, dtype=np.float64)
    if isinstance(values, np.ma.MaskedArray):
        numbers[values.mask] = np.nan
    finite = np.isfinite(numbers)
    if not finite.any():
        raise UnusableImageError("holds no finite value")
    low, high = np.percentile(numbers[finite], (LOW, HIGH))
    span = high - low or 1.0
    scaled: npt.NDArray[np.float64] = (
        np.clip((np.where(finite, numbers, low) - low) / span, 0.0, 1.0) * 255
    )
    pixels: npt.NDArray[np.uint8] = scaled.round().astype(np.uint8)
    return pixels


def read_bands(data: bytes, size: int) -> tuple[Image.Image, tuple[int, int]]:
    """Read the colours of a raster by rasterio.

    These are the bands marked red, green and blue, else the first three, or the first
    alone as grey.

    Args:
        data: A TIFF or PNG file.
        size: Side that the image will be made small to: a large raster is read at about
            twice that.

    Returns:
        An RGB image and the ``(width, height)`` of the source.

    Raises:
        UnusableImageError: rasterio is absent or cannot read it, or its size is out of
            bounds.
    """
    try:
        import rasterio
        from rasterio.io import MemoryFile
    except ImportError:
        raise UnusableImageError(
            "has other bands than 8 bits of red, green and blue; "
            "pip install 'rsitmd-tools[geo]' reads it"
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with (
                rasterio.Env(CPL_LOG="/dev/null"),
                MemoryFile(data) as memory,
                memory.open(driver=["GTiff", "PNG"]) as raster,
            ):
                return _read(raster, size), (raster.width, raster.height)
        except rasterio.errors.RasterioError as error:
            raise UnusableImageError(f"cannot be decoded ({reason(error)})") from None


def _read(raster: Any, size: int) -> Image.Image:
    from rasterio.enums import ColorInterp, Resampling

    check_size(raster.width, raster.height)
    factor = max(1, min(raster.width, raster.height) // (2 * size))
    meaning = {colour: band for band, colour in enumerate(raster.colorinterp, 1)}
    colours = [meaning.get(c, 0) for c in (ColorInterp.red, ColorInterp.green, ColorInterp.blue)]
    if 0 in colours:
        colours = [1, 2, 3] if raster.count >= 3 else [1, 1, 1]
    values = raster.read(
        colours,
        out_shape=(3, raster.height // factor, raster.width // factor),
        resampling=Resampling.average,
        masked=True,
    )
    if values.dtype.kind == "c":
        raise UnusableImageError("holds complex numbers")
    pixels = values.filled(0) if values.dtype == np.uint8 else stretch(values)
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
