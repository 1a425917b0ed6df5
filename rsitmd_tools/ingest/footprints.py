"""Where the pixels of a raster are on the ground: footprints, pixel sizes and positions."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rsitmd_tools.imaging.gdal import close_proj_network
from rsitmd_tools.workspace.scenes import Transform, Window

WGS84 = "EPSG:4326"
# Points on each edge of a window. Those on a line that is straight enough are left out.
EDGE = 8
WHOLE = 359.999  # degrees of longitude of the whole Earth
STRAIGHT = 1e-3  # largest distance from the line, as a share of its length
DECIMALS = 9  # of longitudes and latitudes: 0.1 mm
# A projection that changes lengths by less keeps the pixel size that users know.
NOMINAL = 0.01

Floats = npt.NDArray[np.float64]

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
                # The whole turns that bring the longitude nearest to the raster.
                width, height = self._size
                middle = np.asarray(self._transformer.xy([height / 2], [width / 2], offset="ul")[0])
                xs = xs - 360 * np.round((xs - middle) / 360)
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
        steps = np.arange(EDGE) / EDGE
        # Upper left, lower left, lower right, upper right: counterclockwise on most maps.
        across = np.concatenate([steps * 0, steps, 1 - steps * 0, 1 - steps])
        down = np.concatenate([steps, 1 - steps * 0, 1 - steps, steps * 0])
        boxes = np.asarray(windows, np.float64)
        found = self.lonlat(
            boxes[:, :1] + boxes[:, 2:3] * across, boxes[:, 1:2] + boxes[:, 3:4] * down
        )
        if found is None:
            return [None] * len(windows)
        rings = np.stack(found, axis=2)
        plain = _plain(rings)
        corners = rings[:, ::EDGE].round(DECIMALS)
        return [
            {"type": "Polygon", "coordinates": [[*ring.tolist(), ring[0].tolist()]]}
            if simple
            else _polygon(*full.T)
            for simple, ring, full in zip(plain, corners, rings, strict=True)
        ]

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
            return Georeference(CRS.from_string(WGS84), RPCTransformer(raster.rpcs), None, size)
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


def _plain(rings: Floats) -> npt.NDArray[np.bool_]:
    """Return which rings are counterclockwise, convex, straight, and far from the antimeridian.

    These are nearly all. They need no geometry library.

    Args:
        rings: Longitudes and latitudes, (N, 4 * EDGE, 2).
    """
    with np.errstate(invalid="ignore"):
        corners = rings[:, ::EDGE]
        edges = np.roll(corners, -1, axis=1) - corners
        after = np.roll(edges, -1, axis=1)
        turns = edges[..., 0] * after[..., 1] - edges[..., 1] * after[..., 0]
        offsets = rings.reshape(len(rings), 4, EDGE, 2) - corners[:, :, None]
        away = np.abs(
            offsets[..., 0] * edges[:, :, None, 1] - offsets[..., 1] * edges[:, :, None, 0]
        )
        straight = (away.max(axis=2) <= STRAIGHT * (edges**2).sum(axis=2)).all(axis=1)
        inside = (np.abs(rings[..., 0]) <= 180).all(axis=1)
        inside &= (np.abs(rings[..., 1]) <= 90).all(axis=1)
        narrow = rings[..., 0].max(axis=1) - rings[..., 0].min(axis=1) < 90
    found: npt.NDArray[np.bool_] = straight & inside & narrow & (turns > 0).all(axis=1)
    return found


def _polygon(lons: Floats, lats: Floats) -> dict[str, Any] | None:
    """Return a ring of longitudes and latitudes as a GeoJSON geometry, or None."""
    from shapely.geometry import LinearRing

    if not (np.isfinite(lons).all() and np.isfinite(lats).all()) or np.abs(lats).max() > 90:
        return None
    around = np.unwrap(np.append(lons, lons[0]), period=360)
    if abs(around[-1] - around[0]) > 180:
        return _around_pole(list(zip(lons.tolist(), lats.tolist(), strict=True)))
    if around.max() - around.min() > WHOLE:
        south, north = lats.min(), lats.max()
        return _geometry([(-180, north), (-180, south), (180, south), (180, north)])
    middle = (around.min() + around.max()) / 2
    ring = np.stack([around[:-1] - 360 * math.floor((middle + 180) / 360), lats], axis=1)
    points = [tuple(point) for point in _corners(ring).round(DECIMALS).tolist()]
    if abs(ring[:, 0]).max() > 180:
        points = points if LinearRing(points).is_ccw else points[::-1]
        return _fixed(points)
    return _geometry(points)


def _around_pole(points: list[tuple[float, ...]]) -> dict[str, Any] | None:
    north = sum(latitude for _, latitude in points) > 0
    return _fixed(points, force_north_pole=north, force_south_pole=not north)


def _corners(ring: Floats) -> Floats:
    """Leave out the points on the edges if all edges are straight."""
    corners = ring[::EDGE]
    edges = np.roll(corners, -1, axis=0) - corners
    offsets = ring.reshape(4, EDGE, 2) - corners[:, None]
    # The distance from the line times its length.
    away = np.abs(offsets[..., 0] * edges[:, None, 1] - offsets[..., 1] * edges[:, None, 0])
    straight = away.max(axis=1) <= STRAIGHT * (edges**2).sum(axis=1)
    return corners if straight.all() else ring


def _geometry(points: Sequence[tuple[float, ...]]) -> dict[str, Any] | None:
    from shapely.geometry import Polygon, mapping
    from shapely.geometry.polygon import orient

    polygon = Polygon(points)
    if not polygon.is_valid or not polygon.area:
        return None
    return _lists(mapping(orient(polygon)))


def _fixed(points: Sequence[tuple[float, ...]], **poles: bool) -> dict[str, Any] | None:
    """Return a polygon that crosses the antimeridian or holds a pole, cut at the antimeridian."""
    import warnings

    from antimeridian import fix_polygon
    from shapely.geometry import Polygon, mapping

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fixed = fix_polygon(Polygon(points), great_circle=False, **poles)
    except Exception:
        # The package raises ValueError and errors of shapely for rings that cannot be cut.
        return None
    return _lists(mapping(fixed)) if fixed.is_valid and fixed.area else None


def _lists(geometry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a geometry of lists with rounded coordinates, as JSON has them."""

    def rounded(value: Any) -> Any:
        if isinstance(value, int | float):
            return round(float(value), DECIMALS)
        return [rounded(part) for part in value]

    return {"type": geometry["type"], "coordinates": rounded(geometry["coordinates"])}
