"""Pairs of images whose ground overlaps: shifted, zoomed, rotated, or taken on another date.

Candidates are neighbours by visual words. A pair is verified by the map between its keypoints. What
separates places from similar objects is the share of keypoints in the overlap that agree with the
map: two aircraft of one type match as whole images, with 5 to 13 % of the keypoints. Neighbouring
crops of one photograph, whose common strip has few keypoints, are verified by its pixels.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.imaging import local_features, shifted_crops, visual_words
from rsitmd_tools.imaging.local_features import (
    Features,
    PlaceMatch,
    features,
    match_places,
    strong_features,
)
from rsitmd_tools.imaging.opencv import load_opencv
from rsitmd_tools.imaging.pixels import as_grey, open_image
from rsitmd_tools.imaging.place_cache import Matches, PlaceCache, user_cache
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.imaging.shifted_crops import Crop, shifted_crop
from rsitmd_tools.imaging.visual_words import nearest_embeddings, neighbours
from rsitmd_tools.progress import Step, progress

# Candidates per image: a small dataset can have more. Of the labelled pairs of UCM-captions and
# RSITMD, one is among the nearest forty, but not among the nearest ten.
SEED = 0  # of the vocabulary of visual words
NEIGHBOURS = 10
MAX_NEIGHBOURS = 40
CANDIDATES = 100_000  # divided by the number of images: candidates of each, within these limits
# Measured on UCM-captions and RSITMD (docs/overlap.md): the pairs above this limit were looked at,
# and all show one place. Pairs of similar objects agree in 13 % of the keypoints or less.
MIN_AGREEMENT = 0.15
MIN_INLIERS = 6
CHUNK = 8  # images sent to a worker at once
BLOCK = 16_384  # candidates verified between two writes to the cache: about ten seconds
PACK = 256  # images whose features are in one file of the cache
FEATURES = (
    *("SIFT", "wide values stretched", local_features.SIDE, local_features.MAX_FEATURES),
    *(local_features.CONTRAST, local_features.MAX_STRONG, local_features.STRONG_CONTRAST),
    *(local_features.OCTAVE_LAYERS, shifted_crops.HEIGHT),
)
SETTINGS = (
    *FEATURES,
    "both directions",
    *(local_features.RATIO, local_features.REPROJECTION, MIN_AGREEMENT, MIN_INLIERS),
    *(local_features.MIN_MATCHES, local_features.MIN_SCALE, local_features.MAX_SCALE),
    *(local_features.IN_PLACE, local_features.MIN_SPREAD),
    *(NEIGHBOURS, MAX_NEIGHBOURS, CANDIDATES),
    *(visual_words.WORDS, visual_words.PER_WORD, visual_words.NEAREST_WORDS),
    *(visual_words.MAX_BITS, visual_words.SIGMA_BITS, BLOCK),
    *shifted_crops.SETTINGS,
)


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
    paths: Sequence[Path],
    *,
    workers: int | None = None,
    sides: Sequence[int] | None = None,
    embeddings: npt.NDArray[np.float32] | None = None,
    cache: Path | None = None,
) -> list[PlacePair]:
    """Find the pairs of images of one place.

    Mirrored images are not found here; an aerial image is not mirrored, except in a copy of the
    whole picture (:func:`rsitmd_tools.imaging.pairs.image_pairs`). Features and verified candidates
    are kept on disk: a killed search goes on where it was, and a second one takes seconds.

    Args:
        paths: Image files. A file that cannot be decoded has no pairs.
        workers: Number of processes; one per core by default.
        sides: Number of each image's collection, if only images of different ones are compared.
        embeddings: ``(N, D)`` features of a backbone, a second source of candidates.
        cache: Folder of the cache; that of the user by default.

    Returns:
        The pairs in order of the later image, then of the earlier one.

    Raises:
        RsitmdError: OpenCV is not installed.
    """
    # Not only an early check: features and maps can differ between versions of OpenCV.
    version = load_opencv().__version__
    stored = PlaceCache(cache or user_cache(), (version, *FEATURES), (version, *SETTINGS))
    # The vocabulary is drawn from the images in order. So the order is that of the contents: a
    # workspace and its release, which names and orders the same files otherwise, have the same
    # pairs.
    digests = [_digest(path) for path in paths]
    order = sorted(range(len(paths)), key=lambda index: (digests[index], index))
    found = _search(
        [paths[index] for index in order],
        [digests[index] for index in order],
        stored,
        workers,
        None if sides is None else [sides[index] for index in order],
        None if embeddings is None else embeddings[order],
    )
    pairs = [_ordered(order[pair.first], order[pair.second], pair.match) for pair in found]
    return sorted(pairs, key=lambda pair: (pair.second, pair.first))


def neighbours_per_image(images: int) -> int:
    """Return how many nearest images of each image are candidates, for a number of images."""
    return max(NEIGHBOURS, min(MAX_NEIGHBOURS, CANDIDATES // max(1, images)))


def _ordered(one: int, other: int, match: PlaceMatch) -> PlacePair:
    """Return a pair whose first image is the earlier one."""
    return PlacePair(one, other, match) if one < other else PlacePair(other, one, match.inverted())


def _search(
    paths: Sequence[Path],
    digests: Sequence[str],
    stored: PlaceCache,
    workers: int | None,
    sides: Sequence[int] | None,
    embeddings: npt.NDArray[np.float32] | None,
) -> list[PlacePair]:
    """Return the pairs of :func:`same_place_pairs` for images in the order of their digests."""
    extra = "" if embeddings is None else hashlib.sha256(embeddings.tobytes()).hexdigest()
    search = stored.search(digests, (SEED, sides, extra))
    described: list[Features] = []
    candidates = search.candidates()
    if candidates is None:
        described = _described(paths, digests, stored, workers)
        tables = [found.descriptors for found in described]
        count = neighbours_per_image(len(paths))
        found = set(neighbours(tables, count, SEED, sides=sides, threads=workers))
        if embeddings is not None:
            found.update(nearest_embeddings(embeddings, NEIGHBOURS, sides=sides))
        candidates = sorted(found)
        search.keep_candidates(candidates)
    pairs = []
    with progress("compare places", len(candidates)) as step:
        for block, start in enumerate(range(0, len(candidates), BLOCK)):
            part = candidates[start : start + BLOCK]
            matches = search.matches(block)
            if matches is None:
                described = described or _described(paths, digests, stored, workers)
                matches = _verified(described, part, workers, step)
                search.keep_matches(block, matches)
            else:
                step(len(part))
            pairs += [PlacePair(*match) for match in matches]
    return pairs


def _verified(
    described: Sequence[Features],
    candidates: Sequence[tuple[int, int]],
    workers: int | None,
    step: Step,
) -> Matches:
    """Return the candidates that show one place."""
    # Grouped by the first image, which is then sent to a worker once.
    grouped: dict[int, list[int]] = defaultdict(list)
    for i, j in candidates:
        grouped[i].append(j)
    strong = [strong_features(found) for found in described]
    tasks = [(strong[i], [strong[j] for j in others]) for i, others in grouped.items()]
    results = map_in_order(_proofs, tasks, workers)
    found: Matches = []
    for (i, others), matches in zip(grouped.items(), results, strict=True):
        found += [
            (i, j, match) for j, match in zip(others, matches, strict=True) if match is not None
        ]
        step(len(others))
    return found


def shows_one_place(match: PlaceMatch) -> bool:
    """Return whether the map between the keypoints of two images proves that it is one place."""
    return (match.inliers or 0) >= MIN_INLIERS and match.agreement >= MIN_AGREEMENT


def prove(first: Features, second: Features) -> PlaceMatch | None:
    """Return the map between two images if it is proved that they show one place, else None."""
    return _prove((first, Crop(first.thumbnail)), (second, Crop(second.thumbnail)))


def _prove(first: tuple[Features, Crop], second: tuple[Features, Crop]) -> PlaceMatch | None:
    match = match_places(first[0], second[0])
    if match is not None and shows_one_place(match):
        return match
    shift = shifted_crop(first[1], second[1])
    if shift is None:
        return None
    factor = local_features.SIDE / shifted_crops.HEIGHT
    matrix = ((1.0, 0.0, shift.x * factor), (0.0, 1.0, shift.y * factor))
    return PlaceMatch(None, shift.correlation, shift.overlap, matrix)


def _described(
    paths: Sequence[Path], digests: Sequence[str], cache: PlaceCache, workers: int | None
) -> list[Features]:
    """Return the features of images: those of equal files once, and from the cache if they are."""
    known = cache.features(digests)
    missing = {d: path for d, path in zip(digests, paths, strict=True) if d and d not in known}
    new: list[tuple[str, Features]] = []
    with progress("local features", len(missing)) as step:
        results = map_in_order(_features, list(missing.values()), workers, chunk=CHUNK)
        for digest, found in zip(missing, results, strict=True):
            known[digest] = found
            new.append((digest, found))
            if len(new) == PACK:
                cache.add_features(new)
                new = []
            step(1)
    cache.add_features(new)
    return [known.get(digest) or Features.none() for digest in digests]


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file; empty if it cannot be read."""
    try:
        return sha256_file(path)
    except OSError:
        return ""


def _features(path: Path) -> Features:
    try:
        return features(np.asarray(as_grey(open_image(path))))
    except Exception:
        # Decoders raise many types of exceptions for damaged files. Rule I101 reports them.
        return Features.none()


def _proofs(task: tuple[Features, list[Features]]) -> list[PlaceMatch | None]:
    first, others = task
    prepared = first, Crop(first.thumbnail)
    return [_prove(prepared, (other, Crop(other.thumbnail))) for other in others]
