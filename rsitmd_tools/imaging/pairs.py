"""Pairs of images that show the same picture: candidates by hash, then verification by pixels.

Three kinds are kept apart: ``exact`` (equal pixels, possibly rotated or flipped), ``near`` (the
same picture re-encoded, brightened or slightly cropped) and ``same-place`` (overlapping ground, see
:mod:`rsitmd_tools.imaging.same_place`).
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.imaging.coarse import ENDS, coarse_registrations
from rsitmd_tools.imaging.groups import components
from rsitmd_tools.imaging.perceptual import (
    SIDE,
    in_orientation,
    near_orientations,
    perceptual_hashes,
)
from rsitmd_tools.imaging.pixels import as_grey, as_rgb, open_image, orientations
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.imaging.registration import (
    SCALES,
    Grey,
    Registration,
    texture,
    zoomed,
)
from rsitmd_tools.imaging.same_picture import MIN_SIMILARITY, picture_similarity
from rsitmd_tools.progress import progress

EXACT, NEAR, SAME_PLACE = KINDS = ("exact", "near", "same-place")
# Measured on UCM-captions (docs/overlap.md): crops of 5 % change up to 16 of 64 bits.
DISTANCE = 16
# A crop resembles the centre of its image. Measured as above, 14 bits find 62 instead of 39 % of
# the crops of 10 %, for a fifth more candidates. 16 bits would need almost three times as many.
CENTRE = 1.1  # zoom
CENTRE_DISTANCE = 14
MIN_COARSE = 0.4
# The same with the smallest and the largest zoom alone, for a first look. Of 5940 pairs of
# UCM-captions and RSITMD that reach MIN_COARSE, crops of up to 10 % among them, the lowest one has
# 0.32 (docs/overlap.md). One of thirty other candidates passes.
MIN_AT_ENDS = 0.25
THUMBNAIL_ALONE = 0.9  # similarity of thumbnails that counts if a file does not exist
MIN_TEXTURE = 1.0  # grey levels; below it, all pictures look alike
# Thumbnails of an image and of its rotated copy differ by rounding. Their means, deviations and
# textures differ by less than half of this number of grey levels.
ROUNDING = 0.5
DETAIL = 128  # side length in pixels at which images are compared
# Of similar hashes, for each image. Without it, thousands of similar pictures are compared each
# with each. Of the images of UCM-captions and RSITMD, none has more than 22.
MAX_CANDIDATES = 100
MAX_LEADERS = 16  # maximum number of different pictures with equal hashes that are distinguished
BLOCK = 2**17  # candidates whose thumbnails are compared at once
BLOCK_OF_IMAGES = 1024  # images whose centres are hashed at once
CHUNK = 16  # candidates sent to a worker at once
FEW = 256  # up to this number, starting processes takes longer than threads lose
# Work up to this number takes a second or two, and its progress is not shown.
SHORT_FITTING = 20_000  # candidates
SHORT_VERIFICATION = 1000  # candidates

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The data of an image from which candidates are found.

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

    @property
    def exact(self) -> bool:
        """Whether the pixels are equal, possibly rotated or flipped."""
        return self.kind == EXACT


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
    """A candidate for a worker."""

    first: Path
    second: Path
    orientation: int
    coarse: Registration


def image_pairs(
    images: Sequence[Fingerprint],
    distance: int = DISTANCE,
    *,
    since: int = 0,
    workers: int | None = None,
) -> list[ImagePair]:
    """Find the exact and near duplicates among images.

    An image without texture is only a duplicate of images with equal pixels. Of several images with
    equal hashes or pixels, each is paired with the first one.

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
    finder.mark_exact_pairs()
    return sorted(finder.found.values(), key=lambda pair: (pair.second, pair.first))


def most_similar(pairs: Iterable[ImagePair]) -> Iterator[ImagePair]:
    """Yield one pair for each later image: the most similar one, exact ones first."""
    best: dict[int, ImagePair] = {}
    for pair in pairs:
        known = best.get(pair.second)
        if known is None or (pair.exact, pair.similarity) > (known.exact, known.similarity):
            best[pair.second] = pair
    yield from best.values()


def pairs_between(pairs: Sequence[ImagePair], count: int) -> list[ImagePair]:
    """Return the pairs of an image of one collection and an image of another.

    Of several images of one picture, :func:`image_pairs` pairs each with the first one only. So an
    image is also paired with what its copies are paired with: no image with a copy in the other
    collection is missing.

    Args:
        pairs: Pairs among the images of both collections.
        count: Number of images of the first collection, which come first.
    """
    found = {(p.first, p.second): p for p in pairs if p.first < count <= p.second}
    total = max((pair.second for pair in pairs), default=-1) + 1
    for kind in (EXACT, NEAR):
        links = [(p.first, p.second) for p in pairs if kind == NEAR or p.exact]
        members: dict[int, list[int]] = defaultdict(list)
        for index, group in enumerate(components(total, links)):
            if group is not None:
                members[group].append(index)
        covered = {index for pair in found for index in pair}
        for group_members in members.values():
            own = [index for index in group_members if index < count]
            other = [index for index in group_members if index >= count]
            if own and other:
                for pair in [(own[0], index) for index in other] + [(i, other[0]) for i in own]:
                    if not covered.issuperset(pair):
                        similarity = 1.0 if kind == EXACT else MIN_SIMILARITY
                        found.setdefault(pair, ImagePair(*pair, kind, similarity))
    return sorted(found.values(), key=lambda pair: (pair.first, pair.second))


class _Finder:
    """Collects candidates and verifies them.

    Attributes:
        found: The verified pairs.
    """

    def __init__(self, images: Sequence[Fingerprint], since: int, workers: int | None) -> None:
        self.images = images
        self.since = since
        self.workers = workers
        self.found: dict[tuple[int, int], ImagePair] = {}
        values = np.frombuffer(b"".join(image.thumbnail for image in images), np.uint8)
        self._thumbnails: Grey = values.reshape(-1, SIDE, SIDE)
        self._texture = texture(self._thumbnails)
        self._plain = self._texture < MIN_TEXTURE
        self._not_compared: list[int] = []

    def pair_equal_hashes(self) -> list[list[int]]:
        """Pair images of equal hashes that show the same picture.

        Thousands of images can have one hash. They are compared with the first one, and those that
        differ from it with the first of the rest: the work stays linear.

        Returns:
            For each hash the images of different pictures, to compare with other hashes. Images
            without texture are left out.
        """
        groups: dict[str, list[int]] = defaultdict(list)
        for index in np.flatnonzero(~self._plain).tolist():
            groups[self.images[index].hashes].append(index)
        leaders: list[list[int]] = [[] for _ in groups]
        remaining = list(groups.values())
        for _ in range(MAX_LEADERS):
            candidates = []
            for kept, members in zip(leaders, remaining, strict=True):
                if members:
                    kept.append(members[0])
                    candidates += [Candidate(members[0], other, 0) for other in members[1:]]
            if not candidates:
                remaining = []  # all that is left are leaders, which are compared with other hashes
                break
            paired = self._verify(candidates)
            remaining = [[i for i in group[1:] if i not in paired] for group in remaining]
        self._not_compared = [index for group in remaining for index in group]
        return leaders

    def pair_similar_hashes(self, leaders: Sequence[Sequence[int]], distance: int) -> None:
        """Pair images of similar hashes, in any orientation, and those like another's centre."""
        hashes = [self.images[group[0]].hashes for group in leaders]
        centres = _centre_hashes(self._thumbnails[[group[0] for group in leaders]])
        of_centre = min(distance, CENTRE_DISTANCE)
        similar: dict[tuple[int, int], int] = {}
        for turned, upright, most in (
            (hashes, hashes, distance),
            (centres, hashes, of_centre),
            (hashes, centres, of_centre),
        ):
            pairs = near_orientations(turned, most, MAX_CANDIDATES, upright, self.workers)
            for i, j, orientation in pairs:
                similar.setdefault((i, j), orientation)
        self._verify(
            [
                Candidate(first, second, orientation)
                for (i, j), orientation in similar.items()
                for first in leaders[i]
                for second in leaders[j]
            ]
        )

    def mark_exact_pairs(self) -> None:
        """Find the images with equal pixels among those that may have a copy.

        They are the near duplicates, the images without texture, and those with the hash of too
        many different pictures.
        """
        members = {index for pair in self.found for index in pair}
        members.update(self._not_compared)
        smooth = np.flatnonzero(self._texture < MIN_TEXTURE + ROUNDING)
        for group in _similar_values(self._thumbnails[smooth]):
            indices = smooth[group].tolist()
            if indices[-1] >= self.since:
                members.update(indices)
        ordered = sorted(members)
        paths = [self.images[index].path for index in ordered]
        digests = dict(zip(ordered, _in_parallel(_digest, paths, self.workers), strict=True))
        # Two copies of one image can be a near pair, which is exact too.
        equal = {(i, j) for i, j in self.found if digests[i] and digests[i] == digests[j]}
        first: dict[str, int] = {}
        for index, digest in digests.items():
            if digest and first.setdefault(digest, index) != index and index >= self.since:
                equal.add((first[digest], index))
        for pair in equal:
            self.found[pair] = ImagePair(*pair, EXACT, 1.0)

    def _verify(self, candidates: Sequence[Candidate]) -> set[int]:
        """Add the candidates that are pairs; return the indices of their later images."""
        new = [pair for pair in candidates if max(pair.first, pair.second) >= self.since]
        similar = list(fitting(self._thumbnails, new, self.workers))
        tasks = [
            _Task(self.images[pair.first].path, self.images[pair.second].path, pair[2], coarse)
            for pair, coarse in similar
        ]
        results = _in_parallel(_similarity, tasks, self.workers)
        paired = set()
        with progress("compare images", len(tasks), short=SHORT_VERIFICATION) as step:
            for (pair, _), similarity in zip(similar, results, strict=True):
                if similarity >= MIN_SIMILARITY:
                    first, second = sorted(pair[:2])
                    self.found[first, second] = ImagePair(first, second, NEAR, similarity)
                    paired.add(second)
                step()
        return paired


def fitting(
    thumbnails: Grey, candidates: Sequence[Candidate], threads: int | None = None
) -> Iterator[tuple[Candidate, Registration]]:
    """Yield the candidates whose thumbnails fit, with their registration.

    Args:
        thumbnails: ``(M, SIDE, SIDE)`` uint8.
        candidates: Pairs of indices of thumbnails.
        threads: Number of threads; one per core by default.
    """
    with progress("compare thumbnails", len(candidates), short=SHORT_FITTING) as step:
        for start in range(0, len(candidates), BLOCK):
            of_block = block = candidates[start : start + BLOCK]
            for scales, least in ((ENDS, MIN_AT_ENDS), (SCALES, MIN_COARSE)):
                first, second, how = np.array(block, np.intp).reshape(-1, 3).T
                fits = coarse_registrations(
                    thumbnails, first, second, how, threads=threads, scales=scales
                )
                chosen = [k for k, fit in enumerate(fits) if fit.similarity >= least]
                block = [block[k] for k in chosen]
            yield from zip(block, (fits[k] for k in chosen), strict=True)
            step(len(of_block))


def _in_parallel(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int | None
) -> Iterator[Result]:
    """Yield ``function(item)`` for every item, in the order of the items."""
    if len(items) > FEW:
        yield from map_in_order(function, items, workers, chunk=CHUNK)
        return
    # Decoders and numpy release the lock of the interpreter most of the time.
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        yield from pool.map(function, items)


def _centre_hashes(thumbnails: Grey) -> list[str]:
    """Return the perceptual hashes of the centres of images."""
    found: list[str] = []
    for start in range(0, len(thumbnails), BLOCK_OF_IMAGES):
        block = thumbnails[start : start + BLOCK_OF_IMAGES].astype(np.float32)
        centres = np.rint(zoomed(block, CENTRE)).astype(np.uint8)
        found += perceptual_hashes([centre.tobytes() for centre in centres])
    return found


def _similar_values(thumbnails: Grey) -> Iterator[npt.NDArray[np.intp]]:
    """Yield groups of thumbnails with similar means and deviations, in whatever orientation.

    Two thumbnails whose means and deviations differ by less than half of :data:`ROUNDING` are in
    a common group: their values are in one cell of at least one of four grids.
    """
    means, deviations = thumbnails.mean(axis=(1, 2)), thumbnails.std(axis=(1, 2))
    cells = np.column_stack([means, deviations]) / ROUNDING
    for shift in itertools.product((0, 0.5), repeat=2):
        groups: dict[tuple[float, ...], list[int]] = defaultdict(list)
        for index, cell in enumerate(np.floor(cells + shift).tolist()):
            groups[tuple(cell)].append(index)
        yield from (np.array(group) for group in groups.values() if len(group) > 1)


def _similarity(task: _Task) -> float:
    """Return the similarity of a pair; 0 if a file is damaged, which rule I101 reports."""
    try:
        first = in_orientation(_detail(task.first), task.orientation)
        return picture_similarity(first, _detail(task.second), task.coarse)
    except FileNotFoundError:
        # The file of a removed image may be deleted. Its thumbnail is kept, so that a new
        # duplicate of a removed test image does not become a training image.
        return task.coarse.similarity if task.coarse.similarity >= THUMBNAIL_ALONE else 0.0
    except Exception:
        # Decoders raise many types of exceptions for damaged files.
        return 0.0


def _digest(path: Path) -> str:
    """Return the SHA-256 of an image's pixels, the same for all orientations; empty if damaged."""
    try:
        pixels = np.asarray(as_rgb(open_image(path)))
    except Exception:
        return ""
    # Of equal images, the orientations with the smallest first row are equal too. To hash all eight
    # takes several times as long as to decode the file.
    rows = [(turned[0].tobytes(), turned) for turned in orientations(pixels)]
    smallest = min(row for row, _ in rows)
    return min(
        hashlib.sha256(repr(turned.shape).encode() + turned.tobytes()).hexdigest()
        for row, turned in rows
        if row == smallest
    )


def _detail(path: Path) -> Grey:
    """Return an image as a square of ``DETAIL`` pixels, ``(DETAIL, DETAIL)`` uint8."""
    stat = path.stat()
    return _detail_of(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=64)
def _detail_of(path: Path, _mtime_ns: int, _size: int) -> Grey:
    # The image of a group's first member is needed for each of the others.
    image = as_grey(open_image(path))
    return np.asarray(image.resize((DETAIL, DETAIL), Image.Resampling.BOX))
