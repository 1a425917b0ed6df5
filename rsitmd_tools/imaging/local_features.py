"""Local features of images, and the map between two images of one place.

SIFT keypoints are matched by the ratio test and verified by RANSAC with a similarity transform
(rotation, scale and shift): aerial images of one place differ in nothing else that is large.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.imaging.opencv import load_opencv
from rsitmd_tools.imaging.shifted_crops import HEIGHT

# Candidates are found by many keypoints: crops that share a strip have few in common. A map is
# estimated from the strong ones only: the weak ones agree by chance too often.
MAX_FEATURES = 600  # keypoints per image, the strongest ones
CONTRAST = 0.01  # of the weakest ones
MAX_STRONG = 300  # keypoints from which a map is estimated
STRONG_CONTRAST = 0.02  # of the weakest ones of them
OCTAVE_LAYERS = 3  # OpenCV divides the limits of the contrast by it
RATIO = 0.75  # of the distances to the best and to the second best descriptor
REPROJECTION = 3.0  # pixels
MIN_MATCHES = 6
MIN_SCALE, MAX_SCALE = 0.3, 3.3
# Two pictures with the same legend or logo have inliers in a small area, and their map moves
# nothing. A map that moves no corner by more than IN_PLACE needs inliers in a larger area.
IN_PLACE = 3.0  # pixels
MIN_SPREAD = 0.25  # share of the overlap that the box around the inliers covers
SIDE = 256  # images are resized to this height for comparable keypoints

Matches = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
Matrix = tuple[tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Features:
    """Keypoints of an image.

    Attributes:
        points: ``(N, 2)`` float32, pixel coordinates ``(x, y)`` for a height of :data:`SIDE`; the
            strongest ones first.
        descriptors: ``(N, 128)`` uint8.
        size: ``(width, height)`` to which the points refer.
        strong: Number of keypoints from which a map is estimated.
        thumbnail: The image, ``(HEIGHT, W)`` uint8; see :mod:`rsitmd_tools.imaging.shifted_crops`.
    """

    points: npt.NDArray[np.float32]
    descriptors: npt.NDArray[np.uint8]
    size: tuple[int, int]
    strong: int
    thumbnail: npt.NDArray[np.uint8]

    @classmethod
    def none(cls) -> Features:
        """Return the features of a file that is no image."""
        points, descriptors = np.empty((0, 2), np.float32), np.empty((0, 128), np.uint8)
        return cls(points, descriptors, (1, 1), 0, np.zeros((HEIGHT, 1), np.uint8))


@dataclass(frozen=True, slots=True)
class PlaceMatch:
    """The map between two images of one place.

    Attributes:
        inliers: Number of keypoints that agree with the map; None if it was found by the pixels.
        agreement: Share of the keypoints in the overlap that are inliers, 0 to 1, of the image with
            fewer of them; of a map that was found by the pixels, their correlation.
        overlap: Share of the smaller image that the other one covers, 0 to 1.
        matrix: ``(2, 3)`` map from the first image to the second one, in the coordinates of
            :class:`Features`.
    """

    inliers: int | None
    agreement: float
    overlap: float
    matrix: Matrix

    def inverted(self) -> PlaceMatch:
        """Return the match from the second image to the first one."""
        (a, b, c), (d, e, f) = load_opencv().invertAffineTransform(np.array(self.matrix)).tolist()
        return replace(self, matrix=((a, b, c), (d, e, f)))

    def relative(self, first: tuple[int, int], second: tuple[int, int]) -> Matrix:
        """Return the map in shares of the width and height of the images, ``(2, 3)``.

        Args:
            first: ``(width, height)`` of the first image file.
            second: ``(width, height)`` of the second one.
        """
        width, other_width = (max(1, round(w * SIDE / h)) for w, h in (first, second))
        (a, b, c), (d, e, f) = self.matrix
        return (
            (a * width / other_width, b * SIDE / other_width, c / other_width),
            (d * width / SIDE, e, f / SIDE),
        )


def features(grey: npt.NDArray[np.uint8]) -> Features:
    """Detect and describe keypoints.

    Args:
        grey: ``(H, W)`` uint8.
    """
    cv2 = load_opencv()
    height, width = grey.shape
    size = (max(1, round(width * SIDE / height)), SIDE)
    if grey.shape != (SIDE, size[0]):
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    small = (max(1, round(size[0] * HEIGHT / SIDE)), HEIGHT)
    thumbnail = cv2.resize(grey, small, interpolation=cv2.INTER_AREA)
    detector = cv2.SIFT_create(
        nfeatures=MAX_FEATURES, contrastThreshold=CONTRAST, nOctaveLayers=OCTAVE_LAYERS
    )
    points, descriptors = detector.detectAndCompute(grey, None)
    if descriptors is None:
        return replace(Features.none(), size=size, thumbnail=thumbnail)
    responses = np.array([point.response for point in points])
    order = np.argsort(-responses, kind="stable")[:MAX_FEATURES]
    strong = int((responses * OCTAVE_LAYERS >= STRONG_CONTRAST).sum())
    return Features(
        points=np.array([point.pt for point in points], np.float32)[order],
        descriptors=descriptors[order].astype(np.uint8),
        size=size,
        strong=min(strong, MAX_STRONG),
        thumbnail=thumbnail,
    )


def match_places(first: Features, second: Features) -> PlaceMatch | None:
    """Estimate the map between two images; None if they have too little in common.

    The ratio test and RANSAC depend on which image is the first one, and near the limit only one
    direction may find enough. So both are tried, and the map with more inliers is returned.
    """
    first, second = strong_features(first), strong_features(second)
    if min(len(first.points), len(second.points)) < MIN_MATCHES:
        return None
    there, back = _matches(_squares(first.descriptors, second.descriptors))
    forward = map_between(first, second, *there)
    backward = map_between(second, first, *back)
    found = [forward, None if backward is None else backward.inverted()]
    return max(
        (match for match in found if match is not None),
        key=lambda match: (match.inliers or 0, match.agreement),
        default=None,
    )


def strong_features(found: Features) -> Features:
    """Return the keypoints from which a map is estimated."""
    end = found.strong
    return replace(found, points=found.points[:end], descriptors=found.descriptors[:end])


def map_between(
    first: Features,
    second: Features,
    left: npt.NDArray[np.intp],
    right: npt.NDArray[np.intp],
) -> PlaceMatch | None:
    """Estimate the map between two images from matching keypoints.

    Args:
        first: Keypoints of an image.
        second: Keypoints of the other image.
        left: Indices of the keypoints of ``first`` that match.
        right: For each of them the index of the keypoint of ``second``.

    Returns:
        The map; None if the keypoints have too little in common.
    """
    if len(left) < MIN_MATCHES:
        return None
    cv2 = load_opencv()
    matrix, inside = cv2.estimateAffinePartial2D(
        first.points[left],
        second.points[right],
        method=cv2.RANSAC,
        ransacReprojThreshold=REPROJECTION,
        maxIters=1000,
        confidence=0.99,
    )
    if matrix is None:
        return None
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if not MIN_SCALE <= scale <= MAX_SCALE:
        return None
    agreeing = first.points[left[inside.ravel() == 1]]
    if _is_legend(agreeing, matrix, first.size, second.size):
        return None
    inliers = len(agreeing)
    shared = min(
        _count_inside(first.points, matrix, second.size),
        _count_inside(second.points, cv2.invertAffineTransform(matrix), first.size),
    )
    (a, b, c), (d, e, f) = matrix.tolist()
    return PlaceMatch(
        inliers=inliers,
        agreement=min(1.0, inliers / max(1, shared)),
        overlap=_overlap(matrix, first.size, second.size),
        matrix=((a, b, c), (d, e, f)),
    )


def _count_inside(points: npt.NDArray[np.float32], matrix: Any, size: tuple[int, int]) -> int:
    """Return the number of points that a map takes into an image."""
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    return int(((mapped >= 0) & (mapped <= size)).all(axis=1).sum())


def _is_legend(
    inliers: npt.NDArray[np.float32], matrix: Any, first: tuple[int, int], second: tuple[int, int]
) -> bool:
    """Return whether a map moves nothing and the keypoints that agree lie in a small part."""
    corners = np.array([[0, 0], [first[0], 0], [0, first[1]], [first[0], first[1]]], np.float32)
    moved = np.abs(corners @ matrix[:, :2].T + matrix[:, 2] - corners).max()
    if moved > IN_PLACE or not len(inliers):
        return False
    box = np.ptp(inliers, axis=0)
    shared = np.minimum(first, second)
    return bool(box.prod() < MIN_SPREAD * shared.prod())


def _squares(
    first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    """Return the squared distances of descriptors ``(N, 128)`` and ``(M, 128)``, ``(N, M)``."""
    a, b = first.astype(np.float32), second.astype(np.float32)
    # In place: new tables take as long as the products. All values are integers below 2**24, so
    # the result is exact.
    squares: npt.NDArray[np.float32] = a @ b.T
    squares *= -2
    squares += np.einsum("ij,ij->i", a, a)[:, None]
    squares += np.einsum("ij,ij->i", b, b)
    return squares


def _matches(squares: npt.NDArray[np.float32]) -> tuple[Matches, Matches]:
    """Return the mutual matches that pass the ratio test, from the rows and from the columns.

    Args:
        squares: Squared distances ``(N, M)``.

    Returns:
        Indices of rows and of their columns; then indices of columns and of their rows.
    """
    nearest, backward = squares.argmin(axis=1), squares.argmin(axis=0)
    rows, columns = np.arange(len(nearest)), np.arange(len(backward))
    there = (backward[nearest] == rows) & _clear(squares, nearest)
    back = (nearest[backward] == columns) & _clear(squares.T, backward)
    return (rows[there], nearest[there]), (columns[back], backward[back])


def _clear(
    squares: npt.NDArray[np.float32], nearest: npt.NDArray[np.intp]
) -> npt.NDArray[np.bool_]:
    """Return whether the nearest column of each row is much nearer than the second one."""
    rows = np.arange(len(nearest))
    best = squares[rows, nearest]
    squares[rows, nearest] = np.inf
    runner_up = squares.min(axis=1)
    squares[rows, nearest] = best
    return np.asarray(best < RATIO**2 * runner_up)


def _overlap(matrix: Any, first: tuple[int, int], second: tuple[int, int]) -> float:
    cv2 = load_opencv()
    corners = np.array([[0, 0], [first[0], 0], [first[0], first[1]], [0, first[1]]], np.float32)
    mapped = (corners @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    frame = np.array([[0, 0], [second[0], 0], [second[0], second[1]], [0, second[1]]], np.float32)
    shared, _ = cv2.intersectConvexConvex(mapped, frame)
    smaller = min(cv2.contourArea(mapped), cv2.contourArea(frame))
    return min(1.0, float(shared) / smaller) if smaller else 0.0
