"""How the values of rasters became colours: bands and values, for each image."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageReading:
    """How the values of an image's source became colours of 8 bits.

    Attributes:
        sha256: SHA-256 of the source.
        bands: The bands that were read, counted from 1.
        limits: Values that became black and white; None if 8-bit values are unchanged.
        percentiles: Percentiles from which the limits were computed; None for a fixed range.
    """

    sha256: str
    bands: tuple[int, ...]
    limits: tuple[float, float] | None
    percentiles: tuple[float, float] | None


def add_readings(db: sqlite3.Connection, readings: Iterable[ImageReading]) -> None:
    """Add the readings of images that were added. Call it inside a transaction."""
    db.executemany(
        "INSERT INTO image_reading SELECT id, ?, ?, ?, ?, ? FROM image WHERE sha256 = ?",
        (
            (
                json.dumps(reading.bands),
                *(reading.limits or (None, None)),
                *(reading.percentiles or (None, None)),
                reading.sha256,
            )
            for reading in readings
        ),
    )


def readings(db: sqlite3.Connection) -> dict[str, ImageReading]:
    """Return the readings of all images that have one, by the SHA-256 of the source."""
    rows = db.execute(
        "SELECT sha256, bands, low, high, low_percentile, high_percentile"
        " FROM image_reading JOIN image ON image.id = image_id"
    )
    return {
        sha256: ImageReading(
            sha256,
            tuple(json.loads(bands)),
            None if low is None else (low, high),
            None if percent is None else (percent, percent_high),
        )
        for sha256, bands, low, high, percent, percent_high in rows
    }
