"""An open raster: any window as RGB of 8 bits and a mask of valid pixels."""

from __future__ import annotations

import base64
import functools
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.errors import reason
from rsitmd_tools.imaging.colours import Colours, colours_of, fixed_limits
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.options import DEFAULTS, BandOptions, ValueRange
from rsitmd_tools.imaging.profiles import to_srgb
from rsitmd_tools.imaging.resampling import Layers, layers_of, reduced, resized, stacked
from rsitmd_tools.imaging.stretch import percentile_range
from rsitmd_tools.imaging.tiff import TiffSummary
from rsitmd_tools.imaging.validity import Validity
from rsitmd_tools.imaging.windows import Window, block_windows

EXACT = 16_000_000  # a scene of more pixels, or values wider than 16 bits, is sampled
LARGE = 16_000_000  # pixels from which overviews are used
STRIP = 4_000_000  # pixels of a strip that is averaged at once
NO_SUMMARY = TiffSummary()

Pixels = tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]


class Raster:
    """An open raster.

    Attributes:
        source: The dataset of rasterio.
        width: In pixels.
        height: In pixels.
        count: Number of bands.
        dtype: Type of the first band.
        crs: Coordinate reference system, or None.
        transform: Affine transform of pixels to the CRS.
        gcps: Ground control points and their CRS.
        rpcs: Rational polynomial coefficients, or None.
        res: Size of a pixel in units of the CRS.
        summary: What a TIFF holds besides its first image.
    """

    def __init__(
        self,
        source: Any,
        overview: Callable[[int], Any] | None = None,
        summary: TiffSummary = NO_SUMMARY,
    ) -> None:
        self.source = source
        self.width: int = source.width
        self.height: int = source.height
        self.count: int = source.count
        self.summary = summary
        self.dtype: str = source.dtypes[0]
        self.crs = source.crs
        self.transform = source.transform
        self.gcps = source.gcps
        self.rpcs = source.rpcs
        self.res: tuple[float, float] = source.res
        self._overview = overview
        self._parts: dict[BandOptions, tuple[Colours, Validity]] = {}

    def tags(self, *arguments: Any, **options: Any) -> dict[str, str]:
        """Return metadata, as ``rasterio``'s ``tags``."""
        found: dict[str, str] = self.source.tags(*arguments, **options)
        return found

    def colours(self, options: BandOptions) -> Colours:
        """Return which bands are the colours.

        Raises:
            UnusableImageError: The bands do not exist, or have complex numbers.
        """
        return self._part(options)[0]

    def value_range(self, options: BandOptions = DEFAULTS) -> ValueRange | None:
        """Return the values that become black and white, for the whole scene.

        These are ``options.value_range``; otherwise nothing for 8-bit values, palettes and inks;
        all possible values if a sample has fewer than 8 bits; otherwise the percentiles of the
        valid values of all colours together. A scene of more than 16 megapixels is sampled:
        blocks spread over it are read.

        Raises:
            UnusableImageError: No pixel is valid, or the file cannot be read.
        """
        colours, validity = self._part(options)
        known, limits = fixed_limits(colours, options)
        if known:
            return limits
        wide = colours.kind.itemsize > 2 or not colours.uniform
        most = EXACT // (len(colours.bands) if wide else 1)
        samples = [most, None] if self.width * self.height > most else [None]
        for sample in samples:
            blocks = self._known_values(colours, validity, sample)
            try:
                low, high = percentile_range(blocks, options.percentiles)
            except UnusableImageError:
                # The sample had no valid pixel: the next one is the whole scene.
                if sample is None:
                    raise
                continue
            if colours.uniform:
                scale, offset = colours.scales[0], colours.offsets[0]
                return ValueRange(low * scale + offset, high * scale + offset)
            return ValueRange(low, high)
        raise AssertionError("the last sample is the whole scene")

    def has_valid_pixel(self, options: BandOptions = DEFAULTS) -> bool:
        """Return whether any pixel of the raster is valid; reads it until one is found."""
        colours, validity = self._part(options)
        return any(len(values) for values in self._known_values(colours, validity, None))

    def read_rgb(
        self,
        window: Window | None = None,
        out_size: tuple[int, int] | None = None,
        options: BandOptions = DEFAULTS,
        limits: ValueRange | None = None,
    ) -> Pixels:
        """Read a window as colours of 8 bits.

        Args:
            window: Column, row, width and height in pixels; by default the whole raster.
            out_size: Width and height of the result; by default those of the window. A much
                larger window is averaged first, in strips or from overviews, so that the memory
                depends on the result and not on the window.
            options: The bands.
            limits: Result of :meth:`value_range`.

        Returns:
            Pixels ``(H, W, 3) uint8`` and which are valid ``(H, W) bool``. The others are black.

        Raises:
            UnusableImageError: The file cannot be read.
        """
        window = window or (0, 0, self.width, self.height)
        rgb, valid = self._resized(window, out_size, options, limits)
        return self._in_srgb(rgb, valid, options), valid

    def _resized(
        self,
        window: Window,
        out_size: tuple[int, int] | None,
        options: BandOptions,
        limits: ValueRange | None,
    ) -> Pixels:
        """Read a window as it is, in the size that was asked for."""
        if out_size is None or out_size == window[2:]:
            return self._read(window, options, limits)
        factor = min(window[2] // out_size[0], window[3] // out_size[1]) // 2
        if factor >= 2:
            found = self._from_overview(window, factor, out_size, options, limits)
            if found is not None:
                return found
            layers = self._averaged(window, factor, options, limits)
        else:
            layers = layers_of(*self._read(window, options, limits))
        return resized(layers, out_size)

    def _in_srgb(
        self, rgb: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_], options: BandOptions
    ) -> npt.NDArray[np.uint8]:
        """Apply the colour profile of the file. Values that are stretched are measurements."""
        colours = self.colours(options)
        if self._profile is None or colours.full is None or options.value_range is not None:
            return rgb
        image = Image.fromarray(rgb)
        grey = len(colours.bands) == 1 and colours.palette is None
        converted = to_srgb(image.convert("L") if grey else image, self._profile)
        shown = np.asarray(converted.convert("RGB"))
        return shown if valid.all() else shown * valid[..., None]

    @functools.cached_property
    def _profile(self) -> bytes | None:
        """The embedded ICC profile."""
        text = self.tags(ns="COLOR_PROFILE").get("SOURCE_ICC_PROFILE", "")
        try:
            return base64.b64decode(text, validate=True) or None
        except ValueError:
            return None

    def _part(self, options: BandOptions) -> tuple[Colours, Validity]:
        if options not in self._parts:
            colours = colours_of(self.source, options)
            self._parts[options] = (
                colours,
                Validity(self.source, colours, self.summary.premultiplied),
            )
        return self._parts[options]

    def _values(
        self, colours: Colours, validity: Validity, window: Window
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        """Return the values ``(bands, H, W)`` and the alpha ``(H, W)`` of a window."""
        column, row, width, height = window
        place = ((row, row + height), (column, column + width))
        with readable():
            values = self._bands(colours, place)
            alpha = (
                None if validity.alpha is None else self.source.read(validity.alpha, window=place)
            )
        return values, alpha

    def _bands(self, colours: Colours, place: Any) -> npt.NDArray[Any]:
        if len({self.source.dtypes[band - 1] for band in colours.bands}) == 1:
            values: npt.NDArray[Any] = self.source.read(list(colours.bands), window=place)
            return values
        # rasterio reads several bands only if they have one type.
        each = [self.source.read(band, window=place) for band in colours.bands]
        return np.stack([band.astype(colours.kind) for band in each])

    def _read(self, window: Window, options: BandOptions, limits: ValueRange | None) -> Pixels:
        colours, validity = self._part(options)
        values, alpha = self._values(colours, validity, window)
        with readable():
            valid = validity.valid(window, validity.known(values), alpha)
        rgb = colours.paint(values, limits)
        opacity = None if alpha is None else validity.opacity(alpha)
        if opacity is not None:
            # Rounded as Pillow does.
            product = rgb * opacity[..., None].astype(np.uint16) + np.uint16(128)
            rgb = ((product + (product >> 8)) >> 8).astype(np.uint8)
        if not valid.all():
            rgb = rgb * valid[..., None]
        return rgb, valid

    def _known_values(
        self, colours: Colours, validity: Validity, most: int | None
    ) -> Iterator[npt.NDArray[Any]]:
        """Yield the values that count in a stretch, of windows that have ``most`` pixels."""
        block = self.source.block_shapes[colours.bands[0] - 1][::-1]
        for window in block_windows((self.width, self.height), block, most):
            values, alpha = self._values(colours, validity, window)
            with readable():
                known = validity.known(values)
                valid = validity.valid(window, known, alpha)
            if not colours.uniform:
                values = colours.physical(values)
            for index, band in enumerate(values):
                chosen = valid if known is None else valid & known[index]
                yield band.ravel() if chosen.all() else band[chosen]

    def _averaged(
        self, window: Window, factor: int, options: BandOptions, limits: ValueRange | None
    ) -> Layers:
        """Return a window at 1 / factor of its size, read in strips."""
        column, row, width, height = window
        rows = factor * max(1, STRIP // (width * factor))
        strips = []
        for top in range(0, height, rows):
            strip = (column, row + top, width, min(rows, height - top))
            strips.append(reduced(layers_of(*self._read(strip, options, limits)), factor))
        return stacked(strips)

    def _from_overview(
        self,
        window: Window,
        factor: int,
        out_size: tuple[int, int],
        options: BandOptions,
        limits: ValueRange | None,
    ) -> Pixels | None:
        """Return a large window, resized, from the smallest overview with enough pixels, if any."""
        if self._overview is None or window[2] * window[3] <= LARGE:
            return None
        factors = self.source.overviews(self.colours(options).bands[0])
        levels = [level for level, found in enumerate(factors) if 1 < found <= factor]
        colours, validity = self._part(options)
        # An overview does not say which blocks are missing.
        if not levels or validity.lacks_blocks(window):
            return None
        try:
            return self._in_overview(levels[-1], colours, window, out_size, options, limits)
        except UnusableImageError:
            return None  # GDAL cannot read some overviews, such as those of inks.

    def _in_overview(
        self,
        level: int,
        colours: Colours,
        window: Window,
        out_size: tuple[int, int],
        options: BandOptions,
        limits: ValueRange | None,
    ) -> Pixels | None:
        assert self._overview is not None
        with readable(), self._overview(level) as source:
            small = Raster(source, summary=self.summary)
            # An overview has no scale and offset, and does not say that 0 is white.
            validity = Validity(source, colours, self.summary.premultiplied)
            if validity.masked != self._part(options)[1].masked:
                return None  # those in another file can be without the mask
            small._parts[options] = (colours, validity)
            across, down = small.width / self.width, small.height / self.height
            column, row = int(window[0] * across), int(window[1] * down)
            part = (
                column,
                row,
                min(small.width - column, max(1, round(window[2] * across))),
                min(small.height - row, max(1, round(window[3] * down))),
            )
            return small._resized(part, out_size, options, limits)


_QUOTED_PATH = re.compile(r"'[^']*/([^'/]*)'")


class _Nowhere(io.TextIOBase):
    """A stream for what Cython prints of an error inside rasterio's logging."""

    def write(self, text: str) -> int:
        return len(text)


@contextmanager
def readable() -> Iterator[None]:
    """Turn errors of rasterio into reasons.

    Raises:
        UnusableImageError: rasterio failed.
    """
    from rasterio.errors import RasterioError

    try:
        with redirect_stderr(_Nowhere()):
            yield
    except UnicodeEncodeError:
        raise UnusableImageError("has a name that is not UTF-8; rename it") from None
    except (RasterioError, MemoryError, UnicodeDecodeError) as error:
        cause = error.__cause__ or error
        raise UnusableImageError(f"cannot be decoded ({_short(reason(cause))})") from None


def _short(text: str) -> str:
    """Return the message of GDAL without the folder of the file, which can have spaces."""
    text = _QUOTED_PATH.sub(r"'\1'", text)
    return " ".join(word.rpartition("/")[2] if "/" in word else word for word in text.split())
