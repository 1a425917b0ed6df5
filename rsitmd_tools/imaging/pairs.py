"""Pairs of images that show the same picture: candidates by hash, then verification by pixels.

Three kinds are kept apart: ``exact`` (equal pixels, possibly rotated or flipped), ``near`` (the
same picture re-encoded, brightened or slightly cropped) and ``same-place`` (overlapping ground, see
:mod:`rsitmd_tools.imaging.same_place`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.imaging.perceptual import ORIENTATIONS, SIDE, near_orientations
from rsitmd_tools.imaging.pixels import open_image, orientations
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.imaging.registration import (
    Grey,
    Registration,
    coarse_registrations,
    register,
    texture,
)

EXACT, NEAR, SAME_PLACE = KINDS = ("exact", "near", "same-place")
# Measured on UCM-captions (docs/overlap.md): crops of 5 % change up to 16 of 64 bits. Unrelated
# images reach a similarity of 0.60; 98 % of the crops and all re-encoded images are above 0.70.
DISTANCE = 16
MIN_COARSE = 0.4
MIN_SIMILARITY = 0.65
MIN_TEXTURE = 1.0  # grey levels; below it, all pictures look alike
DETAIL = 128  # side length in pixels at which images are compared
EQUAL = 0.98  # copies with equal pixels are at least this similar
MAX_LEADERS = 16  # different pictures of one hash that are told apart
BLOCK = 4096  # candidates whose thumbnails are compared at once
CHUNK = 16  # candidates sent to a worker at once


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is known of an image before its pixels are compared.

    Attributes:
        path: The image file.
        thumbnail: ``SIDE * SIDE`` grey values.
        hashes: Perceptual hashes of the eight orientations, in hex digits.
    """

    path: Path
    thumbnail: bytes
    hashes: str


@dataclass(frozen=True, slots=True)
class ImagePair:
    """Two images of the same picture or place.

    Attributes:
        first: Index of the earlier image.
        second: Index of the later image.
        kind: One of :data:`KINDS`.
        similarity: Correlation of the locally normalised pixels, at best 1.
    """

    first: int
    second: int
    kind: str
    similarity: float


class Candidate(NamedTuple):
    """A pair to verify.

    Attributes:
        first: Index of an image.
        second: Index of another image.
        orientation: Index in :data:`ORIENTATIONS`: the first image, turned by it, resembles the
            second one.
    """

    first: int
    second: int
    orientation: int


class _Task(NamedTuple):
    """A candidate for a worker; ``coarse`` is None if only equal pixels count."""

    first: Path
    second: Path
    orientation: int
    coarse: Registration | None


def image_pairs(
    images: Sequence[Fingerprint],
    distance: int = DISTANCE,
    *,
    since: int = 0,
    workers: int | None = None,
) -> list[ImagePair]:
    """Find the exact and near duplicates among images.

    An image without texture is only a duplicate of images with equal pixels. Of several images of
    one picture, each is paired with the first one.

    Args:
        images: The images.
        distance: Maximum number of different hash bits of candidates, 0 to 64.
        since: Index of the first image that is new. Pairs of two older images are not compared.
        workers: Number of processes; one per core by default.

    Returns:
        The pairs in order of the later image, then of the earlier one.
    """
    if not images:
        return []
    finder = _Finder(images, since, workers)
    leaders = finder.pair_equal_hashes()
    finder.pair_similar_hashes(leaders, distance)
    return sorted(finder.found, key=lambda pair: (pair.second, pair.first))


class _Finder:
    """Collects candidates and verifies them.

    Attributes:
        found: The verified pairs.
    """

    def __init__(self, images: Sequence[Fingerprint], since: int, workers: int | None) -> None:
        self.images = images
        self.since = since
        self.workers = workers
        self.found: list[ImagePair] = []
        values = np.frombuffer(b"".join(image.thumbnail for image in images), np.uint8)
        self._thumbnails: Grey = values.reshape(-1, SIDE, SIDE)
        self._plain = texture(self._thumbnails) < MIN_TEXTURE

    def pair_equal_hashes(self) -> list[list[int]]:
        """Pair images of equal hashes, or of equal thumbnails if they have no texture.

        Thousands of images can have one hash. They are compared with the first one, and those that
        differ from it with the first of the rest: the work stays linear.

        Returns:
            For each hash the images of different pictures, to compare with other hashes. Images
            without texture are left out.
        """
        groups: dict[bytes, list[int]] = defaultdict(list)
        for index in range(len(self.images)):
            groups[self._key(index)].append(index)
        leaders: list[list[int]] = [[] for _ in groups]
        remaining = list(groups.values())
        for _ in range(MAX_LEADERS):
            candidates = []
            for kept, members in zip(leaders, remaining, strict=True):
                if members:
                    kept.append(members[0])
                    candidates += [Candidate(members[0], other, 0) for other in members[1:]]
            paired = self._verify(candidates)
            remaining = [[i for i in group[1:] if i not in paired] for group in remaining]
        return [group for group in leaders if not self._plain[group[0]]]

    def pair_similar_hashes(self, leaders: Sequence[Sequence[int]], distance: int) -> None:
        """Pair images of similar hashes, in any orientation."""
        hashes = [self.images[group[0]].hashes for group in leaders]
        if hashes:
            self._verify(
                [
                    Candidate(first, second, orientation)
                    for i, j, orientation in near_orientations(hashes, distance)
                    for first in leaders[i]
                    for second in leaders[j]
                ]
            )

    def _key(self, index: int) -> bytes:
        if self._plain[index]:
            return min(turned.tobytes() for turned in orientations(self._thumbnails[index]))
        return self.images[index].hashes.encode()

    def _verify(self, candidates: Sequence[Candidate]) -> set[int]:
        """Add the candidates that are pairs; return the indices of their later images."""
        new = [pair for pair in candidates if max(pair.first, pair.second) >= self.since]
        similar = list(self._similar(new))
        tasks = [
            _Task(self.images[pair.first].path, self.images[pair.second].path, pair[2], coarse)
            for pair, coarse in similar
        ]
        results = map_in_order(_compare, tasks, self.workers, chunk=CHUNK)
        paired = set()
        for (pair, _), (kind, similarity) in zip(similar, results, strict=True):
            if kind is not None:
                first, second = sorted(pair[:2])
                self.found.append(ImagePair(first, second, kind, similarity))
                paired.add(second)
        return paired

    def _similar(
        self, candidates: Sequence[Candidate]
    ) -> Iterator[tuple[Candidate, Registration | None]]:
        """Yield the candidates whose thumbnails fit, with their registration."""
        for start in range(0, len(candidates), BLOCK):
            block = candidates[start : start + BLOCK]
            first = np.stack([_turned(self._thumbnails[i], how) for i, _, how in block])
            second = self._thumbnails[[pair.second for pair in block]]
            for pair, coarse in zip(block, coarse_registrations(first, second), strict=True):
                if self._plain[pair.first]:
                    yield pair, None
                elif coarse.similarity >= MIN_COARSE:
                    yield pair, coarse


def _compare(task: _Task) -> tuple[str | None, float]:
    """Return the kind of a pair, or None, and its similarity."""
    try:
        similarity = 1.0 if task.coarse is None else _similarity(task, task.coarse)
        if similarity >= EQUAL and _equal(task.first, task.second):
            return EXACT, 1.0
    except Exception:
        # Decoders raise many types of exceptions for damaged files. Rule I101 reports them.
        return None, 0.0
    if task.coarse is None or similarity < MIN_SIMILARITY:
        return None, similarity
    return NEAR, similarity


def _similarity(task: _Task, coarse: Registration) -> float:
    first = _turned(_detail(task.first), task.orientation)
    return register(first, _detail(task.second), coarse).similarity


def _equal(one: Path, other: Path) -> bool:
    """Return whether the pixels of two images are equal in some orientation."""
    first, second = _pixels(one), _pixels(other)
    return any(np.array_equal(first, turned) for turned in orientations(second))


@lru_cache(maxsize=8)
def _pixels(path: Path) -> npt.NDArray[np.uint8]:
    return np.asarray(open_image(path).convert("RGB"))


@lru_cache(maxsize=64)
def _detail(path: Path) -> Grey:
    grey = open_image(path).convert("L")
    return np.asarray(grey.resize((DETAIL, DETAIL), Image.Resampling.BOX))


def _turned(square: Grey, orientation: int) -> Grey:
    how = ORIENTATIONS[orientation]
    return square if how is None else np.asarray(Image.fromarray(square).transpose(how))
