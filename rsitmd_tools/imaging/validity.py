"""Valid pixels of a raster, from its alpha, masks, nodata values, NaN and missing blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.imaging.colours import Colours
from rsitmd_tools.imaging.windows import Window


@dataclass
class Validity:
    """Finds the valid pixels of an open raster.

    A pixel is not valid if its alpha is 0, if the mask of the file hides it, if all its bands
    have their nodata value or are not finite, or if its block is missing in a sparse file.

    Attributes:
        raster: An open raster of rasterio.
        colours: Its colours.
        premultiplied: Whether the colours are multiplied by the alpha, which GDAL does not say.
        alpha: The band of the alpha, or None.
        masked: Whether the file has a mask.
    """

    raster: Any
    colours: Colours
    premultiplied: bool
    alpha: int | None = field(init=False)
    masked: bool = field(init=False)
    _nodata: tuple[Any, ...] = field(init=False)
    _sparse: bool = field(init=False)

    def __post_init__(self) -> None:
        raster, bands = self.raster, self.colours.bands
        names = [colour.name for colour in raster.colorinterp]
        self.alpha = names.index("alpha") + 1 if "alpha" in names else None
        if self.alpha in bands:
            self.alpha = None
        flags = {flag.name for band in bands for flag in raster.mask_flag_enums[band - 1]}
        self.masked = "per_dataset" in flags and "alpha" not in flags
        self._nodata = tuple(raster.nodatavals[band - 1] for band in bands)
        if self.masked:
            self._nodata = (None,) * len(bands)
        self._sparse = raster.driver == "GTiff"

    def known(self, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_] | None:
        """Return which values are neither nodata nor non-finite; None if all are.

        Args:
            values: Values of the bands, ``(bands, H, W)``.
        """
        found: npt.NDArray[np.bool_] | None = None
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            found = None if finite.all() else finite
        for index, nodata in enumerate(self._nodata):
            hidden = _equal(values[index], nodata)
            if hidden is not None and hidden.any():
                if found is None:
                    found = np.ones(values.shape, bool)
                found[index] &= ~hidden
        if self.colours.hidden is not None and self.colours.hidden.any():
            shown = ~self.colours.hidden[np.minimum(values, len(self.colours.hidden) - 1)]
            found = shown if found is None else found & shown
        return found

    def valid(
        self,
        window: Window,
        known: npt.NDArray[np.bool_] | None,
        alpha: npt.NDArray[Any] | None,
    ) -> npt.NDArray[np.bool_]:
        """Return which pixels of a window are valid, ``(H, W) bool``.

        Args:
            window: Column, row, width and height.
            known: Result of :meth:`known` for its values.
            alpha: Values of the alpha band, ``(H, W)``.
        """
        valid: npt.NDArray[np.bool_] = np.ones((window[3], window[2]), np.bool_)
        if known is not None:
            np.any(known, axis=0, out=valid)
        if alpha is not None:
            valid &= alpha > 0
        if self.masked:
            valid &= self.raster.read_masks(self.colours.bands[0], window=_slices(window)) > 0
        if self._sparse:
            self._leave_out_missing(window, valid)
        return valid

    def lacks_blocks(self, window: Window) -> bool:
        """Return whether blocks of a window are missing in a sparse file."""
        return self._sparse and any(self._missing_blocks(window))

    def opacity(self, alpha: npt.NDArray[Any]) -> npt.NDArray[np.uint8] | None:
        """Return the opacity of 8-bit colours, 0 to 255; None if each is opaque or transparent.

        Values that are stretched are measurements: there, alpha only says which are valid.
        """
        if self.premultiplied or not self.colours.unchanged or alpha.dtype != np.uint8:
            return None
        return None if np.isin(alpha, (0, 255)).all() else alpha

    def _leave_out_missing(self, window: Window, valid: npt.NDArray[np.bool_]) -> None:
        """Set the pixels of missing blocks of the first band to not valid."""
        for top, left, high, wide in self._missing_blocks(window):
            valid[max(0, top) : top + high, max(0, left) : left + wide] = False

    def _missing_blocks(self, window: Window) -> Iterator[tuple[int, int, int, int]]:
        """Yield row and column in the window, height and width of missing blocks."""
        column, row, width, height = window
        band = self.colours.bands[0]
        high, wide = self.raster.block_shapes[band - 1]
        for y in range(row // high, (row + height - 1) // high + 1):
            for x in range(column // wide, (column + width - 1) // wide + 1):
                item = f"BLOCK_OFFSET_{x}_{y}"
                if self.raster.get_tag_item(item, "TIFF", bidx=band) is None:
                    yield y * high - row, x * wide - column, high, wide


def _slices(window: Window) -> tuple[tuple[int, int], tuple[int, int]]:
    column, row, width, height = window
    return (row, row + height), (column, column + width)


def _equal(values: npt.NDArray[Any], nodata: float | None) -> npt.NDArray[np.bool_] | None:
    """Return which values are nodata; None if no value can be."""
    if nodata is None or np.isnan(nodata):
        return None  # NaN is not finite, which is checked anyway
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            exact = values.dtype.type(nodata)
            # GDAL allows for a nodata value that was written with few digits.
            same: npt.NDArray[np.bool_] = np.isclose(values, exact, rtol=1e-6, atol=0.0)
        return same
    if not float(nodata).is_integer():
        return None
    bounds = np.iinfo(values.dtype)
    return values == int(nodata) if bounds.min <= nodata <= bounds.max else None
