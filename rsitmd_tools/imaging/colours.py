"""Which bands of an open raster are its colours, and how their values become RGB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.errors import count_of
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.options import BandOptions, ValueRange
from rsitmd_tools.imaging.stretch import to_bytes

INKS = ("cyan", "magenta", "yellow", "black")


@dataclass(frozen=True)
class Colours:
    """The colours of a raster.

    Attributes:
        bands: The bands to be read, counted from 1: one (grey or palette), three, or the four
            inks.
        kind: Type of the values.
        full: The values that become black and white if nothing is stretched: all values that
            the bits of a sample can have. None if the values are stretched.
        unchanged: Whether the values are 8-bit colours that stay as they are.
        palette: Colours of a palette, ``(N, 3) uint8``.
        hidden: Which colours of the palette are transparent, ``(N,) bool``.
        inks: Whether the bands are cyan, magenta, yellow and black.
        inverted: Whether 0 is white.
        scales: Factor of each band.
        offsets: What is added to each band after the factor.
    """

    bands: tuple[int, ...]
    kind: np.dtype[Any]
    full: ValueRange | None
    unchanged: bool
    palette: npt.NDArray[np.uint8] | None
    hidden: npt.NDArray[np.bool_] | None
    inks: bool
    inverted: bool
    scales: tuple[float, ...]
    offsets: tuple[float, ...]

    @property
    def uniform(self) -> bool:
        """Whether all bands have the same positive scale and the same offset."""
        return len(set(self.scales)) == len(set(self.offsets)) == 1 and self.scales[0] > 0

    def physical(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Apply scales and offsets to values ``(bands, ...)``."""
        shape = (-1, *(1,) * (values.ndim - 1))
        scales, offsets = np.array(self.scales), np.array(self.offsets)
        numbers: npt.NDArray[Any] = values * scales.reshape(shape) + offsets.reshape(shape)
        return numbers

    def paint(self, values: npt.NDArray[Any], limits: ValueRange | None) -> npt.NDArray[np.uint8]:
        """Return the colours of values.

        Args:
            values: Values of the bands, ``(bands, H, W)``.
            limits: Values that become black and white, see :func:`limits_of`.

        Returns:
            ``(H, W, 3) uint8``.
        """
        if self.palette is not None:
            rgb: npt.NDArray[np.uint8] = self.palette[np.minimum(values[0], len(self.palette) - 1)]
            return rgb
        if self.inks:
            white = self.full.high if self.full else 255.0
            inks = values.astype(np.float64)
            light = (white - inks[:3]) * (white - inks[3]) / white
            return _interleaved(to_bytes(light, ValueRange(0.0, white)))
        if limits is None:
            return _interleaved(values.astype(np.uint8, copy=False))
        if self.uniform:
            scale, offset = self.scales[0], self.offsets[0]
            raw = ValueRange((limits.low - offset) / scale, (limits.high - offset) / scale)
            shades = to_bytes(values, raw)
        else:
            shades = to_bytes(self.physical(values), limits)
        return _interleaved(255 - shades if self.inverted else shades)


def colours_of(raster: Any, options: BandOptions) -> Colours:
    """Return the colours of an open raster.

    These are the bands of the options; otherwise the bands marked as red, green and blue;
    otherwise the first three bands that are not alpha; or the first as grey.

    Raises:
        UnusableImageError: It has complex numbers, or fewer bands than the options name.
    """
    names = [colour.name for colour in raster.colorinterp]
    bands = options.bands or _usual(names)
    if max(bands) > raster.count:
        raise UnusableImageError(
            f"has {count_of(raster.count, 'band')}, --bands names band {max(bands)}"
        )
    kinds = {raster.dtypes[band - 1] for band in bands}
    kind = np.dtype("complex64") if any("complex" in k for k in kinds) else np.result_type(*kinds)
    if kind.kind == "c":
        raise UnusableImageError("has complex numbers")
    palette, hidden = _palette(raster, bands) if options.bands is None else (None, None)
    inks = len(bands) == len(INKS)
    structure = raster.tags(bands[0], ns="IMAGE_STRUCTURE")
    bits = int(structure.get("NBITS", 8 * kind.itemsize))
    plain = kind.kind == "u" and (bits <= 8 or inks)
    return Colours(
        bands=tuple(bands),
        kind=kind,
        full=ValueRange(0.0, float((1 << bits) - 1)) if plain else None,
        unchanged=kind == np.uint8 and bits == 8,
        palette=palette,
        hidden=hidden,
        inks=inks,
        inverted=palette is None and raster.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES",
        scales=tuple(raster.scales[band - 1] for band in bands),
        offsets=tuple(raster.offsets[band - 1] for band in bands),
    )


def fixed_limits(colours: Colours, options: BandOptions) -> tuple[bool, ValueRange | None]:
    """Return whether the limits are known without reading values, and the limits."""
    if colours.palette is not None or colours.inks:
        return True, None
    if options.value_range is not None:
        return True, ValueRange(*options.value_range)
    if colours.unchanged:
        return True, ValueRange(0.0, 255.0) if colours.inverted else None
    return colours.full is not None, colours.full


def _usual(names: list[str]) -> tuple[int, ...]:
    if all(ink in names for ink in INKS):
        return tuple(names.index(ink) + 1 for ink in INKS)
    if all(colour in names for colour in ("red", "green", "blue")):
        return tuple(names.index(colour) + 1 for colour in ("red", "green", "blue"))
    others = [band for band, name in enumerate(names, 1) if name != "alpha"]
    return tuple(others[:3]) if len(others) >= 3 else tuple(others[:1] or [1])


def _palette(
    raster: Any, bands: tuple[int, ...]
) -> tuple[npt.NDArray[np.uint8] | None, npt.NDArray[np.bool_] | None]:
    """Return the colours and the transparent entries of the palette of a band, or None."""
    if len(bands) != 1 or raster.colorinterp[bands[0] - 1].name != "palette":
        return None, None
    if raster.dtypes[bands[0] - 1] not in ("uint8", "uint16"):
        return None, None
    try:
        table = raster.colormap(bands[0])
    except ValueError:
        return None, None
    entries = np.zeros((max(table) + 1, 4), np.uint8)
    for index, colour in table.items():
        entries[index] = colour
    return np.ascontiguousarray(entries[:, :3]), entries[:, 3] == 0


def _interleaved(shades: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return ``(H, W, 3)`` of one or three bands ``(bands, H, W)``."""
    if len(shades) == 1:
        return np.repeat(shades[0][..., None], 3, axis=2)
    # Pillow takes a quarter of the time of a transposed copy.
    return np.asarray(Image.merge("RGB", [Image.fromarray(band) for band in shades]))
