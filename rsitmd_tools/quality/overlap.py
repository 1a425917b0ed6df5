"""Which images and sentences of one dataset are in another one, or twice in one dataset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import numpy.typing as npt

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.imaging.groups import components, in_one_group
from rsitmd_tools.imaging.measures import Picture
from rsitmd_tools.imaging.pairs import (
    SAME_PLACE,
    Fingerprint,
    image_pairs,
    pairs_between,
)
from rsitmd_tools.imaging.perceptual import perceptual_hashes
from rsitmd_tools.imaging.same_place import same_place_pairs
from rsitmd_tools.quality.common_captions import CommonCaptions, common_captions
from rsitmd_tools.quality.pictures import measure_images

Map = tuple[tuple[float, ...], ...]
Side = tuple[int, str | None]  # dataset and split
Sides = tuple[int, str | None, int, str | None]  # a, split of a, b, split of b


@dataclass(frozen=True, slots=True)
class OverlapPair:
    """Two images of the same picture or place.

    Attributes:
        a: Index of the first image's dataset.
        b: Index of the second image's dataset.
        image_a: The first image.
        image_b: The second image.
        kind: ``exact``, ``near`` or ``same-place``.
        similarity: Of the pixels, or share of the keypoints in the overlap that agree; 0 to 1.
        overlap: Common share of the ground, 0 to 1; None if it was not estimated.
        matrix: ``(2, 3)`` map of pixels for ``same-place``, or None.
        inliers: Number of keypoints that agree with the map; None if found by the pixels.
        map: The map in shares of width and height, or None.
    """

    a: int
    b: int
    image_a: ImageRecord
    image_b: ImageRecord
    kind: str
    similarity: float
    overlap: float | None = None
    matrix: Map | None = None
    inliers: int | None = None
    map: Map | None = None


@dataclass(slots=True)
class Overlap:
    """What datasets have in common.

    Attributes:
        datasets: The compared datasets. One dataset is compared with itself.
        compared: Number of readable image files of each dataset.
        pairs: Pairs of images, in order of the datasets and images.
        captions: Common sentences, by ``(a, split of a, b, split of b)``; within one dataset, of
            different splits.
    """

    datasets: list[Dataset]
    compared: list[int]
    pairs: list[OverlapPair] = field(default_factory=list)
    captions: dict[Sides, CommonCaptions] = field(default_factory=dict)


def overlap(
    datasets: Sequence[Dataset],
    distance: int,
    *,
    same_place: bool = False,
    workers: int | None = None,
    embed: Callable[[Dataset], npt.NDArray[np.float32]] | None = None,
) -> Overlap:
    """Compare the images and sentences of datasets.

    Args:
        datasets: The datasets. One alone is compared with itself.
        distance: Maximum number of different hash bits of candidates.
        same_place: Also search for images of overlapping ground, which takes minutes.
        workers: Number of processes; one per core by default.
        embed: Returns ``(N, D)`` features of the images of a dataset. Images with similar ones are
            candidates of ``same_place``, beside those with similar local features.

    Raises:
        RsitmdError: ``same_place`` is requested and OpenCV is not installed.
    """
    collections = [_readable(dataset) for dataset in datasets]
    found = Overlap(list(datasets), [len(images) for images in collections])
    sides = [(0, 0)] if len(datasets) == 1 else list(combinations(range(len(datasets)), 2))
    for a, b in sides:
        found.pairs += _pictures(collections, a, b, distance, workers)
        for (split_a, split_b), common in common_captions(datasets[a], datasets[b]).items():
            found.captions[a, split_a, b, split_b] = common
    everything = [image for images in collections for image, _ in images]
    order = {id(image): index for index, image in enumerate(everything)}
    if same_place:
        # Copies of one picture are paired with the first one only, but all of them are duplicates.
        links = ((order[id(p.image_a)], order[id(p.image_b)]) for p in found.pairs)
        copies = components(len(everything), links)
        found.pairs += [
            pair
            for pair in _places(collections, workers, _embeddings(datasets, collections, embed))
            if not in_one_group(copies, order[id(pair.image_a)], order[id(pair.image_b)])
        ]
    found.pairs.sort(key=lambda p: (p.a, p.b, order[id(p.image_a)], order[id(p.image_b)]))
    return found


Images = Sequence[tuple[ImageRecord, Picture]]


def _readable(dataset: Dataset) -> list[tuple[ImageRecord, Picture]]:
    return [entry for entry in measure_images(dataset) if entry[1].problem is None]


def _pictures(
    collections: Sequence[Images], a: int, b: int, distance: int, workers: int | None
) -> list[OverlapPair]:
    first, second = collections[a], collections[b]
    images = list(first) if a == b else [*first, *second]
    hashes = perceptual_hashes([picture.thumbnail for _, picture in images])
    prints = [
        Fingerprint(picture.path, picture.thumbnail, text)
        for (_, picture), text in zip(images, hashes, strict=True)
    ]
    pairs = image_pairs(prints, distance, workers=workers)
    if a != b:
        pairs = pairs_between(pairs, len(first))
    return [
        OverlapPair(a, b, images[p.first][0], images[p.second][0], p.kind, p.similarity)
        for p in pairs
    ]


def _embeddings(
    datasets: Sequence[Dataset],
    collections: Sequence[Images],
    embed: Callable[[Dataset], npt.NDArray[np.float32]] | None,
) -> npt.NDArray[np.float32] | None:
    """Return the features of the readable images of all datasets."""
    if embed is None:
        return None
    parts = [
        embed(dataset.with_images([image for image, _ in images]))
        for dataset, images in zip(datasets, collections, strict=True)
        if images
    ]
    return np.concatenate(parts) if parts else None


def _places(
    collections: Sequence[Images],
    workers: int | None,
    embeddings: npt.NDArray[np.float32] | None = None,
) -> list[OverlapPair]:
    images = [
        (number, image, picture)
        for number, collection in enumerate(collections)
        for image, picture in collection
    ]
    pairs = []
    paths = [picture.path for *_, picture in images]
    # Within each of several datasets, nothing is compared: it would take candidates from the rest.
    sides = [number for number, *_ in images] if len(collections) > 1 else None
    for pair in same_place_pairs(paths, workers=workers, sides=sides, embeddings=embeddings):
        (a, image_a, one), (b, image_b, other) = images[pair.first], images[pair.second]
        if a != b or len(collections) == 1:
            match = pair.match
            pairs.append(
                OverlapPair(
                    *(a, b, image_a, image_b, SAME_PLACE),
                    similarity=match.agreement,
                    overlap=match.overlap,
                    matrix=match.matrix,
                    inliers=match.inliers,
                    map=match.relative(one.size, other.size),
                )
            )
    return pairs
