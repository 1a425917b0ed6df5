"""Whether two images show one picture: they fit, and not only in a pattern that repeats.

Two fields of parallel furrows fit at many shifts, because each furrow resembles the next one. Their
correlation is as high as that of a picture and its copy: the furrows hold nearly all contrast, and
what differs, such as a spot or a gap, holds little. In the spectrum, a pattern that repeats is a
few frequencies of large amplitude. So the images are compared again with about equal weights of all
frequencies. Then furrows count for little. A copy still agrees, because all of it is the same.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from rsitmd_tools.imaging.registration import (
    REACH,
    Batch,
    Grey,
    Registration,
    normalised,
    register,
    zoomed,
)

# Measured on UCM-captions (docs/overlap.md): apart from fields of furrows, unrelated images reach a
# similarity of 0.60; 98 % of the crops of 5 % and all re-encoded images are above 0.70.
MIN_SIMILARITY = 0.65
# Different images agree by chance: in some hundred independent frequencies, at the best of a
# thousand shifts, by about 0.1. Copies agree by 0.5 and more (docs/overlap.md).
MIN_SPECTRUM_CORRELATION = 0.3
# Cycles per pixel. A registration that is half a pixel off turns phases up to this frequency by at
# most 45 degrees. Above it are the noise of encoders and what a blur removes.
BAND = 0.25
TINY = 1e-9


def picture_similarity(first: Grey, second: Grey, around: Registration) -> float:
    """Return how similar two pictures are, at best 1; 0 if only a pattern that repeats is common.

    They are one picture if it is at least :data:`MIN_SIMILARITY`.

    Args:
        first: ``(S, S)`` uint8.
        second: ``(S, S)`` uint8.
        around: The registration of their thumbnails.
    """
    fit = register(first, second, around)
    if fit.similarity < MIN_SIMILARITY:
        return fit.similarity
    agrees = spectrum_correlation(first, second, fit.zoom) >= MIN_SPECTRUM_CORRELATION
    return fit.similarity if agrees else 0.0


def spectrum_correlation(first: Grey, second: Grey, zoom: float) -> float:
    """Return the correlation of two images whose frequencies have about equal weights.

    An amplitude below the median keeps its lower weight: it is mostly noise. The result is the
    highest one over all shifts, as the registration of a repeating pattern can be off by a period.

    Args:
        first: ``(S, S)`` uint8.
        second: ``(S, S)`` uint8.
        zoom: Zoom of the second image, relative to the first.

    Returns:
        At best 1.
    """
    from scipy import fft  # takes half a second to import, and an ingest may not need it

    side = first.shape[-1]
    window, counts = _window(side), _counts(side)
    one, other = first.astype(np.float32), second.astype(np.float32)
    x = fft.rfft2(window * normalised(one if zoom >= 1 else zoomed(one, 1 / zoom)))
    y = fft.rfft2(window * normalised(other if zoom <= 1 else zoomed(other, zoom)))
    amplitude = np.abs(x) * np.abs(y)
    inside = counts > 0
    flat = np.where(inside, 1 / (amplitude + np.median(amplitude[inside]) + TINY), 0)
    correlation = fft.irfft2(flat * x * np.conj(y), s=(side, side)) * side**2
    x_power, y_power = (float((counts * flat * np.abs(values) ** 2).sum()) for values in (x, y))
    shifts = np.arange(-int(REACH * side), int(REACH * side) + 1)
    peak = float(correlation[shifts[:, None], shifts].max())
    return peak / max(float(np.sqrt(x_power * y_power)), TINY)


@functools.cache
def _window(side: int) -> Batch:
    """Return a window that hides the border, where a shifted image shows something else."""
    line = np.hanning(side).astype(np.float32)
    return np.outer(line, line)


@functools.cache
def _counts(side: int) -> npt.NDArray[np.float32]:
    """Return how often each value of a real spectrum counts in a sum over the band.

    The spectrum of a real image holds one half; the values of the other half are its conjugates.
    """
    rows, columns = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)
    radius = np.hypot(rows, columns)
    twice = (columns > 0) & (columns < 0.5)
    return np.where((radius > 0) & (radius <= BAND), 1 + twice, 0).astype(np.float32)
