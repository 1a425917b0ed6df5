"""Where the pixels of a raster are on the ground: footprints, pixel sizes and positions."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np

from rsitmd_tools.imaging.gdal import close_proj_network
from rsitmd_tools.ingest.outlines import DECIMALS, EDGE, EDGE_AT_POLE, Floats, plain, polygon
from rsitmd_tools.workspace.scenes import Transform, Window

WGS84 = "EPSG:4326"
# A projection that changes lengths by less keeps the pixel size that users know.
NOMINAL = 0.01

# The time of TIFF is that of the last change of the file, so it comes last.
TIME_TAGS = (
    "ACQUISITIONDATETIME",
    "ACQUISITION_DATETIME",
    "ACQUISITION_DATE",
    "DATE_ACQUIRED",
    "EXIF_DATETIMEORIGINAL",
    "NITF_IDATIM",
    "DATETIME",
    "TIFFTAG_DATETIME",
)
_TIME = re.compile(
    r"(\d{4})[-:/]?(\d\d)[-:/]?(\d\d)(?:[T ]?(\d\d):?(\d\d)(?::?(\d\d)(?:\.\d+)?)?)?"
    r"\s*(Z|UTC|[+-]\d\d:?\d\d)?",
    re.ASCII,
)


class Placed(Protocol):
    """What a raster says about its place; ``rasterio`` datasets have these attributes."""

    @property
    def width(self) -> int:
        """Width in pixels."""

    @property
    def height(self) -> int:
        """Height in pixels."""

    @property
    def crs(self) -> Any:
        """Coordinate reference system, or None."""

    @property
    def transform(self) -> Any:
        """Affine transform from pixels to the CRS."""

    @property
    def gcps(self) -> Any:
        """Ground control points and their CRS."""

    @property
    def rpcs(self) -> Any:
        """Rational polynomial coefficients, or None."""


class Georeference:
    """The relation of pixels to the ground.

    Attributes:
        crs: EPSG code or WKT of the CRS of the transform, GCPs or RPCs.
        transform: The affine transform; None for GCPs and RPCs.
    """

    def __init__(
        self,
        crs: Any,
        transformer: Any,
        transform: Transform | None,
        size: tuple[int, int],
    ) -> None:
        self.crs: str = crs_name(crs)
        self.transform = transform
        self._size = size
        self._system = crs
        self._transformer = transformer

    def lonlat(self, columns: Floats, rows: Floats) -> tuple[Floats, Floats] | None:
        """Return longitudes and latitudes of points in pixels, or None if they have none."""
        from rasterio.warp import transform

        close_proj_network()
        try:
            xs, ys = self._transformer.xy(rows.ravel(), columns.ravel(), offset="ul")
            found = transform(self._system, WGS84, list(xs), list(ys))
        except Exception:
            # PROJ raises many types of errors, for example for another planet.
            return None
        lons, lats = (np.asarray(part, np.float64).reshape(rows.shape) for part in found)
        return lons, lats

    def pixels(self, points: Sequence[tuple[float, float]], crs: Any) -> Floats | None:
        """Return ``(col, row)`` of points in another CRS, shape (N, 2); None if they have none."""
        from rasterio.warp import transform

        close_proj_network()
        given = np.asarray(points, np.float64)
        try:
            xs, ys = transform(crs, self._system, given[:, 0].tolist(), given[:, 1].tolist())
            xs, ys = np.asarray(xs), np.asarray(ys)
            if self._system.is_geographic:
                # The whole turns that bring the longitudes nearest to the raster. Points turn
                # together: one on an edge of a map of the Earth is on the opposite edge too. Only
                # a shape that was cut at the antimeridian is wider than half a turn.
                width, height = self._size
                middle = np.asarray(self._transformer.xy([height / 2], [width / 2], offset="ul")[0])
                turned = xs if np.ptp(xs) > 180 else (xs.min() + xs.max()) / 2
                xs = xs - 360 * np.round((turned - middle) / 360)
            if self.transform is not None:
                from affine import Affine

                a, b, c, d, e, f = (~Affine(*self.transform))[:6]
                pixels = np.stack([a * xs + b * ys + c, d * xs + e * ys + f], axis=1)
            else:
                rows, columns = self._transformer.rowcol(xs, ys, op=np.asarray)
                pixels = np.stack([np.asarray(columns), np.asarray(rows)], axis=1)
        except Exception:
            return None
        return pixels.astype(np.float64) if np.isfinite(pixels).all() else None

    def footprints(self, windows: Sequence[Window]) -> list[dict[str, Any] | None]:
        """Return the footprint of each window as a GeoJSON geometry in WGS84, or None.

        Footprints that cross the antimeridian are cut there (RFC 7946).
        """
        if not windows:
            return []
        rings = self._rings(windows, EDGE)
        if rings is None:
            return [None] * len(windows)
        simple = plain(rings)
        corners = rings[:, ::EDGE].round(DECIMALS)
        return [
            {"type": "Polygon", "coordinates": [[*ring.tolist(), ring[0].tolist()]]}
            if straight
            else self._curved(window, full)
            for window, straight, ring, full in zip(windows, simple, corners, rings, strict=True)
        ]

    def _rings(self, windows: Sequence[Window], edge: int) -> Floats | None:
        """Return the outlines of windows, (N, 4 * edge, 2), as longitudes and latitudes."""
        steps = np.arange(edge) / edge
        # Upper left, lower left, lower right, upper right: counterclockwise on most maps.
        across = np.concatenate([steps * 0, steps, 1 - steps * 0, 1 - steps])
        down = np.concatenate([steps, 1 - steps * 0, 1 - steps, steps * 0])
        boxes = np.asarray(windows, np.float64)
        found = self.lonlat(
            boxes[:, :1] + boxes[:, 2:3] * across, boxes[:, 1:2] + boxes[:, 3:4] * down
        )
        return None if found is None else np.stack(found, axis=2)

    def _curved(self, window: Window, ring: Floats) -> dict[str, Any] | None:
        """Return the footprint of a window whose edges are curved, or that is at a border."""
        latitudes = np.abs(ring[:, 1])
        # At a pole, lines on the ground are strong curves of longitude and latitude.
        if 90 - latitudes.max() < 2 * np.ptp(latitudes):
            rings = self._rings([window], EDGE_AT_POLE)
            ring = ring if rings is None else rings[0]
        return polygon(*ring.T)

    def gsds(self, windows: Sequence[Window]) -> list[float | None]:
        """Return the side of a pixel on the ground in metres, at the centre of each window.

        It is the square root of the area. The size in the units of a projected CRS is used where
        the projection changes lengths by less than 1 %.
        """
        from pyproj import Geod

        nominal = self._nominal()
        boxes = np.asarray(windows, np.float64).reshape(-1, 4)
        columns = (boxes[:, 0] + boxes[:, 2] / 2)[:, None] + (0, 1, 0)
        rows = (boxes[:, 1] + boxes[:, 3] / 2)[:, None] + (0, 0, 1)
        found = self.lonlat(columns, rows) if windows else None
        if found is None:
            return [nominal] * len(windows)
        (lon, right, below), (lat, right_lat, below_lat) = found[0].T, found[1].T
        geod = Geod(ellps="WGS84")
        azimuth, _, width = geod.inv(lon, lat, right, right_lat)
        other, _, height = geod.inv(lon, lat, below, below_lat)
        measured = np.sqrt(width * height * np.abs(np.sin(np.radians(azimuth - other))))
        return [_size(value, nominal) for value in measured.tolist()]

    def _nominal(self) -> float | None:
        if self.transform is None or not self._system.is_projected:
            return None
        a, b, _, d, e, _ = self.transform
        try:
            metres = self._system.linear_units_factor[1]
        except Exception:  # rasterio raises its own errors for unknown units
            return None
        return float(f"{math.sqrt(abs(a * e - b * d)) * metres:.9g}")


def _size(measured: float, nominal: float | None) -> float | None:
    if not measured or not math.isfinite(measured):
        return nominal
    if nominal is not None and abs(nominal / measured - 1) < NOMINAL:
        return nominal
    return float(f"{measured:.6g}")


def georeference(raster: Placed) -> Georeference | None:
    """Return how a raster is placed on the ground: by its transform, GCPs or RPCs, or None."""
    from rasterio.crs import CRS
    from rasterio.transform import AffineTransformer, GCPTransformer, RPCTransformer

    affine, size = raster.transform, (raster.width, raster.height)
    if raster.crs and not affine.is_identity and affine.determinant:
        six: Transform = tuple(float(value) for value in affine[:6])  # type: ignore[assignment]
        if all(math.isfinite(value) for value in six):
            return Georeference(raster.crs, AffineTransformer(affine), six, size)
    try:
        points, crs = raster.gcps
        if points and crs:
            return Georeference(crs, GCPTransformer(_continuous(points, crs)), None, size)
        if raster.rpcs:
            # The ground of a scene is near this height, not near the ellipsoid.
            rpcs = RPCTransformer(raster.rpcs, rpc_height=raster.rpcs.height_off)
            return Georeference(CRS.from_string(WGS84), rpcs, None, size)
    except Exception:
        # GDAL refuses points that determine no transform.
        return None
    return None


def _continuous(points: Sequence[Any], crs: Any) -> list[Any]:
    """Return ground control points whose longitudes do not jump from 180 to -180."""
    from rasterio.control import GroundControlPoint

    given = np.array([point.x for point in points])
    turned = np.where(given < 0, given + 360, given)
    jumps = crs.is_geographic and np.ptp(given) > 180 and 0 < np.ptp(turned) < 180
    return [
        GroundControlPoint(point.row, point.col, x, point.y, point.z)
        for point, x in zip(points, (turned if jumps else given).tolist(), strict=True)
    ]


def affine_of(raster: Placed) -> Transform | None:
    """Return the transform of a raster, or None if it has no transform. A CRS is not required."""
    affine = raster.transform
    if affine is None or affine.is_identity:
        return None
    return tuple(float(value) for value in affine[:6])  # type: ignore[return-value]


def window_transform(transform: Transform, window: Window) -> Transform:
    """Return the transform of a window from that of its scene."""
    a, b, c, d, e, f = transform
    column, row = window[:2]
    return a, b, c + a * column + b * row, d, e, f + d * column + e * row


def resized_transform(transform: Transform, window: Window, size: int) -> Transform:
    """Return the transform of a window that was resized to a square of ``size`` pixels."""
    a, b, c, d, e, f = transform
    across, down = window[2] / size, window[3] / size
    return a * across, b * down, c, d * across, e * down, f


def crs_name(crs: Any) -> str:
    """Return the EPSG code of a CRS, such as ``EPSG:32617``, or its WKT."""
    try:
        code = crs.to_epsg()
    except Exception:  # PROJ cannot read every CRS of a file
        code = None
    return f"EPSG:{code}" if code else str(crs.to_wkt())


def acquisition_time(tags: Mapping[str, str]) -> str | None:
    """Return the acquisition time in the tags of a raster: ISO 8601, UTC; None without one.

    A time without a zone is taken as UTC.
    """
    named = {name.upper(): value for name, value in tags.items()}
    for name in TIME_TAGS:
        match = _TIME.fullmatch(str(named.get(name, "")).strip().strip('"'))
        if match is None:
            continue
        *numbers, zone = match.groups()
        try:
            when = datetime(*(int(number or 0) for number in numbers), tzinfo=UTC)  # type: ignore[arg-type,misc]
            if zone and zone not in ("Z", "UTC"):
                offset = datetime.strptime(zone.replace(":", ""), "%z").tzinfo
                when = when.replace(tzinfo=offset).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
        return when.strftime("%Y-%m-%dT%H:%M:%SZ")
    return None
