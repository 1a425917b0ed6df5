"""Pairs of images whose ground overlaps: shifted, zoomed, rotated, or taken on another date.

Candidates are neighbours by visual words. A pair is verified by the map between its keypoints. What
separates places from similar objects is the share of keypoints in the overlap that agree with the
map: two aircraft of one type match as whole images, with a twentieth of the keypoints.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rsitmd_tools.imaging.local_features import Features, PlaceMatch, features, match_places
from rsitmd_tools.imaging.pixels import open_image
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.imaging.visual_words import neighbours
from rsitmd_tools.progress import progress

NEIGHBOURS = 10  # candidates per image
# Measured on UCM-captions and RSITMD (docs/overlap.md): the 122 pairs above this limit were looked
# at, and all show one place. Pairs of similar objects agree in 12 % of the keypoints or less.
MIN_AGREEMENT = 0.15
MIN_INLIERS = 6
CHUNK = 8


@dataclass(frozen=True, slots=True)
class PlacePair:
    """Two images of overlapping ground.

    Attributes:
        first: Index of the earlier image.
        second: Index of the later image.
        match: The map between them.
    """

    first: int
    second: int
    match: PlaceMatch


def same_place_pairs(
    paths: Sequence[Path], *, seed: int = 0, workers: int | None = None
) -> list[PlacePair]:
    """Find the pairs of images of one place.

    Mirrored images are not found here; an aerial image is not mirrored, except in a copy of the
    whole picture (:func:`rsitmd_tools.imaging.pairs.image_pairs`).

    Args:
        paths: Image files. A file that cannot be decoded has no pairs.
        seed: Seed of the vocabulary of visual words.
        workers: Number of processes; one per core by default.

    Returns:
        The pairs in order of the later image, then of the earlier one.

    Raises:
        RsitmdError: OpenCV is not installed.
    """
    described = list(_described(paths, workers))
    candidates = neighbours([entry.descriptors for entry in described], NEIGHBOURS, seed)
    return verified_places(described, candidates, workers)


def verified_places(
    described: Sequence[Features],
    candidates: Sequence[tuple[int, int]],
    workers: int | None = None,
) -> list[PlacePair]:
    """Return the candidates that show one place, in order of the later image."""
    found = []
    tasks = [(described[i], described[j]) for i, j in candidates]
    matches = map_in_order(_match, tasks, workers, chunk=CHUNK)
    with progress("compare places", len(tasks)) as step:
        for (i, j), match in zip(candidates, matches, strict=True):
            if match is not None and shows_one_place(match):
                found.append(PlacePair(i, j, match))
            step(1)
    return sorted(found, key=lambda pair: (pair.second, pair.first))


def shows_one_place(match: PlaceMatch) -> bool:
    """Return whether the map between two images proves that they show one place."""
    return match.inliers >= MIN_INLIERS and match.agreement >= MIN_AGREEMENT


def _described(paths: Sequence[Path], workers: int | None) -> Iterable[Features]:
    with progress("local features", len(paths)) as step:
        for found in map_in_order(_features, paths, workers, chunk=CHUNK):
            step(1)
            yield found


def _features(path: Path) -> Features:
    try:
        return features(np.asarray(open_image(path).convert("L")))
    except Exception:
        # Decoders raise many types of exceptions for damaged files. Rule I101 reports them.
        return Features(_NO_POINTS, _NO_DESCRIPTORS, (1, 1))


def _match(pair: tuple[Features, Features]) -> PlaceMatch | None:
    return match_places(*pair)


_NO_POINTS: npt.NDArray[np.float32] = np.empty((0, 2), np.float32)
_NO_DESCRIPTORS: npt.NDArray[np.uint8] = np.empty((0, 128), np.uint8)
