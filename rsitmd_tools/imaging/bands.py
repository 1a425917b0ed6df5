"""Values of more than 8 bits, and rasters with other bands than red, green and blue."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.errors import reason
from rsitmd_tools.imaging.limits import UnusableImageError, check_size

LOW, HIGH = 2.0, 98.0  # percentiles of the values that become black and white


def stretch(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Map values of any range to 0..255.

    Sensors use a small part of 16 bits, with a few outliers. So the range between the 2nd and
    the 98th percentile is stretched, of all bands together to keep the colours. Masked and
    non-finite values become 0.

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
        raise UnusableImageError("has no finite value")
    low, high = np.percentile(numbers[finite], (LOW, HIGH))
    span = high - low or 1.0
    scaled: npt.NDArray[np.float64] = (
        np.clip((np.where(finite, numbers, low) - low) / span, 0.0, 1.0) * 255
    )
    pixels: npt.NDArray[np.uint8] = scaled.round().astype(np.uint8)
    return pixels


def read_bands(data: bytes, size: int) -> tuple[Image.Image, tuple[int, int]]:
    """Read the colours of a raster with rasterio.

    These are the bands marked as red, green and blue; otherwise the first three bands, or the
    first band as grey if there are fewer.

    Args:
        data: A TIFF or PNG file.
        size: Side length of the final image. A large raster is read at about twice that size.

    Returns:
        An RGB image and the ``(width, height)`` of the source.

    Raises:
        UnusableImageError: rasterio is not installed or cannot read the file, or the size is out
            of bounds.
    """
    try:
        import rasterio
        from rasterio.io import MemoryFile
    except ImportError:
        raise UnusableImageError(
            "has other bands than 8 bits of red, green and blue; "
            "to read it, run: pip install 'rsitmd-tools[geo]'"
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
        raise UnusableImageError("has complex numbers")
    pixels = values.filled(0) if values.dtype == np.uint8 else stretch(values)
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
