"""Rational polynomial coefficients for tests: of a map in degrees, seen at an angle."""

from __future__ import annotations

from rasterio.rpc import RPC


def rational_polynomials(
    longitude: float, latitude: float, *, height: float = 0.0, lean: float = 0.0
) -> RPC:
    """Return those of a map whose pixel (32, 32) has these coordinates.

    Args:
        longitude: Longitude of the centre of that pixel in degrees.
        latitude: Its latitude.
        height: Height of the ground in metres.
        lean: Pixels by which ground that is 500 m higher appears further down.
    """
    constant, column, row = ([0.0] * 20 for _ in range(3))
    constant[0], column[1], row[2], row[3] = 1.0, 1.0, -1.0, lean / 32
    return RPC(
        height_off=height,
        height_scale=500,
        lat_off=latitude,
        lat_scale=0.01,
        line_den_coeff=constant,
        line_num_coeff=row,
        line_off=32,
        line_scale=32,
        long_off=longitude,
        long_scale=0.01,
        samp_den_coeff=constant,
        samp_num_coeff=column,
        samp_off=32,
        samp_scale=32,
    )
