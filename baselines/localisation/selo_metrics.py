"""SeLo's metrics of a map against polygons: Rsu, Ras, Rda and Rmi.

Source: Z. Yuan et al., "Learning to Evaluate Performance of Multimodal Semantic Localization",
IEEE TGRS 60, 2022, and its public code (github.com/xiaoyuan1996/SemanticLocalizationMetrics).
P is the map, 0 to 1. The public code rounds centres and radii to whole pixels; here they stay as
they are. It takes a radius as the only distance if there is no attention centre; here each polygon
counts with its own, which gives the same Ras.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.localisation.ground_truth import Truth
from rsitmd_tools.baselines.localisation.heat_map import HeatMap
from rsitmd_tools.errors import RsitmdError

BETA = 0.707  # of Rsu
RADIUS = 1.5  # times the mean distance of the vertices
SMOOTHED, BOX = 5, 50  # how often, and the side of the box in pixels
NEIGHBOURHOOD = 1000  # side in pixels
ATTENTION = 0.5  # least P of an attention centre
WEIGHTS = (0.4, 0.35, 0.25)  # of Rsu, 1 - Ras and Rda in Rmi

Map = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]  # (n, 2): x, y


@dataclass(frozen=True, slots=True)
class Region:
    """What Ras and Rda use of a polygon, in pixels.

    Attributes:
        x: Column of the centre.
        y: Row of the centre.
        radius: Radius.
    """

    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class SeloMetrics:
    """SeLo's metrics; Ras is better when it is lower.

    Attributes:
        rsu: Share of the map in the polygons.
        ras: Distance of the attention centres from the polygons' centres.
        rda: Concentration of the attention centres.
        rmi: Weighted mean.
    """

    rsu: float
    ras: float
    rda: float
    rmi: float

    def document(self) -> dict[str, float]:
        """Return the metrics by name."""
        return {"rsu": self.rsu, "ras": self.ras, "rda": self.rda, "rmi": self.rmi}


def rsu(values: Map, inside: npt.NDArray[np.bool_]) -> float:
    """Return the salient area proportion, 0 to 1, higher is better.

    ``1 - exp(-0.707 * m / (M - m) * (A - a) / a)``, with m the sum of P inside the polygons, M
    that of all P, a the area inside and A the whole area: the ratio of the mean P inside to the
    mean outside. A map of one value above 0 has ``1 - exp(-0.707)``, one of zeros has 0, and one
    that is 0 outside only has 1.

    Args:
        values: P, ``(H, W)``.
        inside: ``(H, W)``: what is in a polygon; some of it, but not all.

    Raises:
        ValueError: Nothing or everything is inside.
    """
    area, whole = int(inside.sum()), inside.size
    if not 0 < area < whole:
        raise ValueError("nothing or everything is inside the polygons")
    total = float(values.sum(dtype=np.float64))
    part = float(values[inside].sum(dtype=np.float64))
    if part <= 0:
        return 0.0
    outside = float(values[~inside].sum(dtype=np.float64)) if total > part else 0.0
    if outside <= 0:
        return 1.0
    return 1 - math.exp(-BETA * part / outside * (whole - area) / area)


def region(vertices: Points) -> Region:
    """Return the centre of a polygon (mean of its vertices) and its radius.

    The radius is 1.5 times the mean distance of the vertices from the centre.

    Args:
        vertices: ``(n, 2)``, the first one not repeated at the end.
    """
    centre = vertices.mean(axis=0)
    radius = RADIUS * float(np.linalg.norm(vertices - centre, axis=1).mean())
    return Region(float(centre[0]), float(centre[1]), radius)


def attention_centres(values: Map, step: int = 1) -> Points:
    """Return the attention centres of a map, ``(n, 2)``: x, y in pixels of the map.

    The map, in 256 levels, is smoothed five times by a 50 x 50 box. The centres are the centroids
    of its maxima in a 1000 x 1000 neighbourhood, those with P >= 0.5 before smoothing.

    Args:
        values: P, ``(H, W)``.
        step: Pixels of the scene in a pixel of the map: box and neighbourhood are pixels of the
            scene.
    """
    import cv2
    from scipy import ndimage

    levels = (values * 255).astype(np.uint8)
    box = max(1, round(BOX / step))
    for turn in range(SMOOTHED):
        # An even box has no middle pixel. Its anchor changes sides, so that no maximum moves.
        anchor = (box - turn % 2) // 2
        levels = cv2.boxFilter(levels, -1, (box, box), anchor=(anchor, anchor)).astype(np.uint8)
    highest = ndimage.maximum_filter(levels, max(1, round(NEIGHBOURHOOD / step)))
    labels, count = ndimage.label((levels == highest) & (levels > 0), np.ones((3, 3)))
    centroids = ndimage.center_of_mass(labels > 0, labels, range(1, count + 1))
    found = [(x, y) for y, x in centroids if values[int(y), int(x)] >= ATTENTION]
    return np.array(found, np.float64).reshape(-1, 2)


def ras(regions: Sequence[Region], centres: Points) -> float:
    """Return the attention shift, 0 to 1, lower is better.

    For each polygon, d is the mean distance from its centre to the attention centres within the
    distance r, or r if no attention centre is that near. x is the mean of d / r over the polygons.
    The result is ``(e^(3x) - 1) / (e^3 - 1)``.

    Args:
        regions: Of the polygons, at least one.
        centres: Result of :func:`attention_centres`.
    """
    shares = []
    for one in regions:
        distances = np.linalg.norm(_near(one, centres) - (one.x, one.y), axis=1)
        shares.append(float(distances.mean()) / one.radius if len(distances) else 1.0)
    return math.expm1(3 * sum(shares) / len(shares)) / math.expm1(3)


def rda(regions: Sequence[Region], centres: Points) -> float:
    """Return the discrete attention, 0 to 1, higher is better: one centre a polygon is best.

    A polygon with n attention centres within r has 0 for n = 0 and 1 for n = 1, otherwise
    ``0.5 * (1 - s / r) + e^(-0.5 * (n + 2))``, with s the mean distance of these centres from
    their mean. The result is the mean over the polygons.

    Args:
        regions: Of the polygons, at least one.
        centres: Result of :func:`attention_centres`.
    """
    found = []
    for one in regions:
        near = _near(one, centres)
        if len(near) < 2:
            found.append(float(len(near)))
            continue
        spread = float(np.linalg.norm(near - near.mean(axis=0), axis=1).mean())
        found.append(0.5 * (1 - spread / one.radius) + math.exp(-0.5 * (len(near) + 2)))
    return sum(found) / len(found)


def rmi(salient: float, shift: float, discrete: float) -> float:
    """Return the mean indicator: ``0.4 * Rsu + 0.35 * (1 - Ras) + 0.25 * Rda``."""
    return WEIGHTS[0] * salient + WEIGHTS[1] * (1 - shift) + WEIGHTS[2] * discrete


def measure(heat: HeatMap, truth: Truth) -> SeloMetrics:
    """Return all metrics of a map.

    Raises:
        RsitmdError: The polygons cover none or all of the map.
    """
    inside = truth.mask(heat.values.shape, heat.step)
    try:
        salient = rsu(heat.values, inside)
    except ValueError as error:
        raise RsitmdError(
            "the polygons cover none or all of the scene",
            where=truth.source,
            hint="use polygons of a part of the scene",
        ) from error
    regions = [region(polygon.outline / heat.step) for polygon in truth.polygons]
    centres = attention_centres(heat.values, heat.step)
    shift, discrete = ras(regions, centres), rda(regions, centres)
    return SeloMetrics(salient, shift, discrete, rmi(salient, shift, discrete))


def _near(one: Region, centres: Points) -> Points:
    """Return the attention centres within the radius of a polygon."""
    near: Points = centres[np.linalg.norm(centres - (one.x, one.y), axis=1) <= one.radius]
    return near
